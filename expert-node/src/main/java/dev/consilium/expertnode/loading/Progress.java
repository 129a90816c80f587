package dev.consilium.expertnode.loading;

/** Hears how loading goes on. */
public interface Progress {

  /**
   * Called before the first expert and after each, by any thread, one call at a time.
   *
   * @return whether to go on
   */
  boolean loaded(int experts, int expertsToLoad, long bytes);
}
