package dev.consilium.expertnode.loading;

/** Hears how loading goes on. */
public interface Progress {

  /**
   * Called before the first expert and after each.
   *
   * @return whether to go on
   */
  boolean loaded(int experts, int expertsToLoad, long bytes);
}
