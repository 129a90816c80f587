package dev.consilium.model.family;

/**
 * Experts in groups of neighbours: the best groups are kept, and experts chosen within those only.
 *
 * @param count groups; divides the number of experts
 * @param kept groups kept, {@code 1 <= kept <= count}
 * @param score what makes one score of a group's
 * @see <a href="https://arxiv.org/abs/2405.04434">DeepSeek-V2, section 2.2.2</a>
 */
public record ExpertGroups(int count, int kept, GroupScore score) {

  /** What makes one score of the scores of a group. */
  public enum GroupScore {
    /** The largest. */
    MAX,
    /** The sum of the two largest. */
    SUM_OF_TOP_TWO
  }

  public ExpertGroups {
    if (kept < 1 || kept > count) {
      throw new IllegalArgumentException("cannot keep " + kept + " of " + count + " groups");
    }
  }
}
