package dev.consilium.model.conversion;

import dev.consilium.model.gguf.GgufTensorType;
import java.util.List;
import java.util.regex.Pattern;

/**
 * How the tensors of a file are encoded: some matrices as rules for their names say, all others as
 * their role asks for. Norms, biases and gates are no matter of rules.
 *
 * @param others what tensors get for which there is no rule
 * @param rules of which the first that finds its pattern in a tensor's name holds
 */
public record TensorTypes(Quantisation others, List<Rule> rules) implements GgufLayout.TypeRule {

  /**
   * A type for some matrices.
   *
   * @param names is looked for anywhere in the names that tensors have in GGUF
   */
  public record Rule(Pattern names, Quantisation type) {

    private boolean holds(String name, WeightRole role) {
      return role != WeightRole.VECTOR && role != WeightRole.GATE && names.matcher(name).find();
    }
  }

  public TensorTypes {
    rules = List.copyOf(rules);
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if rows are no whole blocks of the type of a rule
   */
  @Override
  public GgufTensorType typeOf(String name, WeightRole role, long columns) {
    for (Rule rule : rules) {
      if (rule.holds(name, role)) {
        return required(rule.type().type(), name, columns);
      }
    }
    return others.typeOf(role, columns);
  }

  private static GgufTensorType required(GgufTensorType type, String name, long columns) {
    if (columns % type.blockElements() != 0) {
      throw new IllegalArgumentException(
          "%s cannot be %s: its rows have %d weights, expected a multiple of %d"
              .formatted(name, type, columns, type.blockElements()));
    }
    return type;
  }

  /**
   * Looks for rules that are about nothing, which are mistyped.
   *
   * @throws IllegalArgumentException if there is one
   */
  void requireUsed(List<GgufLayout.Entry> layout) {
    for (Rule rule : rules) {
      if (layout.stream()
          .map(GgufLayout.Entry::tensor)
          .noneMatch(
              tensor -> rule.holds(tensor.name(), WeightRole.of(tensor.name(), tensor.shape())))) {
        throw new IllegalArgumentException(
            "no matrix has '%s' in its name, which would become %s; expected a part of a name such as %s"
                .formatted(rule.names(), rule.type().type(), layout.getLast().tensor().name()));
      }
    }
  }
}
