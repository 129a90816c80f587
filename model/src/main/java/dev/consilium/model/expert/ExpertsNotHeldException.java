package dev.consilium.model.expert;

import java.util.List;

/** A computation was asked for with experts that the bank does not hold. */
public final class ExpertsNotHeldException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient List<ExpertId> missing;

  ExpertsNotHeldException(List<ExpertId> missing) {
    super("not held: " + missing + "; load them, or refresh the placement and ask who holds them");
    this.missing = List.copyOf(missing);
  }

  /** The experts that are not there, in the order asked for. */
  public List<ExpertId> missing() {
    return missing;
  }
}
