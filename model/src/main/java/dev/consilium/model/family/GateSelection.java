package dev.consilium.model.family;

import java.util.Optional;

/**
 * What, beside the scores, decides which experts are chosen.
 *
 * @param correctionBias whether a learned value {@code [expertCount]} is added to the scores, for
 *     the choice only
 * @param groups empty: all experts compete with each other
 */
public record GateSelection(boolean correctionBias, Optional<ExpertGroups> groups) {

  /** The largest scores. */
  public static final GateSelection LARGEST = new GateSelection(false, Optional.empty());
}
