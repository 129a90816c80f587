package dev.consilium.router.check;

import java.util.List;

/**
 * The outcome of a check.
 *
 * @param problems what is wrong, first found first; empty: passed
 * @param logitError largest absolute error of a logit, as a share of the largest absolute logit
 * @param hiddenError the same for hidden states, the worst layer
 * @param weightError largest absolute error of a gate weight
 */
public record GoldenReport(
    List<String> problems, double logitError, double hiddenError, double weightError) {
  public GoldenReport {
    problems = List.copyOf(problems);
  }

  public boolean passed() {
    return problems.isEmpty();
  }
}
