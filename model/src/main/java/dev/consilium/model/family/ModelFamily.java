package dev.consilium.model.family;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The declaration of a family: which building blocks it has, which configuration fields turn them
 * on, and what absent fields mean. {@link SpecReader} makes a {@link ModelSpec} of it and a
 * configuration.
 *
 * @param modelType what {@code model_type} says
 * @param architecture the class name of its text generation model in the configuration
 * @param otherNames what published models call that class, too
 * @param config where the text model's configuration stands
 * @param blocks what surrounds the blocks
 * @param attention of its layers
 * @param recurrence which layers are recurrent instead
 * @param feedForward of its layers
 * @param ignored fields of this family that change no result of ours
 * @param neutral fields that we do not implement, with the JSON values that say "not used"
 * @param names what the checkpoint calls the weights
 * @param scaledNames the same, where those are 8-bit numbers with scales
 */
record ModelFamily(
    String modelType,
    String architecture,
    Set<String> otherNames,
    ConfigPlace config,
    BlockRules blocks,
    MixingRules attention,
    Recurrence recurrence,
    FeedForwardRules feedForward,
    Set<String> ignored,
    Map<String, Set<String>> neutral,
    WeightNames names,
    WeightNames scaledNames) {

  /**
   * Where things stand in a configuration.
   *
   * @param section the object that holds the text model's fields; empty: they are outside
   * @param parts objects among those whose fields are the text model's, too
   * @param names what fields are called that most families call otherwise, by that other name
   */
  record ConfigPlace(String section, Set<String> parts, Map<String, String> names) {}

  /** A declaration; what it does not say is as in most families. */
  static Builder declare(
      String modelType,
      String architecture,
      BlockRules.Builder blocks,
      MixingRules attention,
      FeedForwardRules.Builder feedForward) {
    return new Builder(modelType, architecture, blocks.build(), attention, feedForward.build());
  }

  /** Not thread-safe. */
  static final class Builder {
    private final String modelType;
    private final String architecture;
    private final BlockRules blocks;
    private final MixingRules attention;
    private final FeedForwardRules feedForward;
    private String section = "";
    private final Set<String> parts = new HashSet<>();
    private final Map<String, String> fieldNames = new HashMap<>();
    private Recurrence recurrence = Recurrence.NONE;
    private final Set<String> otherNames = new HashSet<>();
    private final Set<String> ignored = new HashSet<>();
    private final Map<String, Set<String>> neutral = new HashMap<>();
    private NamesBuilder names = new NamesBuilder();
    private Optional<NamesBuilder> scaledNames = Optional.empty();

    private Builder(
        String modelType,
        String architecture,
        BlockRules blocks,
        MixingRules attention,
        FeedForwardRules feedForward) {
      this.modelType = modelType;
      this.architecture = architecture;
      this.blocks = blocks;
      this.attention = attention;
      this.feedForward = feedForward;
    }

    /** The text model's fields stand in an object of the configuration. */
    Builder section(String field) {
      section = field;
      return this;
    }

    /** Fields stand in this object, too; they are called {@code object.field}. */
    Builder part(String object) {
      parts.add(object);
      return this;
    }

    /** What a field is called that most families call otherwise. */
    Builder called(String usual, String own) {
      fieldNames.put(usual, own);
      return this;
    }

    Builder recurrence(Recurrence value) {
      recurrence = value;
      return this;
    }

    /** What published models call the class of the text generation model, too. */
    Builder alsoCalled(String name) {
      otherNames.add(name);
      return this;
    }

    /** Fields that change no result of ours. */
    Builder ignoring(String... fields) {
      ignored.addAll(List.of(fields));
      return this;
    }

    /**
     * A field that we do not implement.
     *
     * @param json the values that say "not used", as JSON; none: only null
     */
    Builder only(String field, String... json) {
      neutral.put(field, Set.of(json));
      return this;
    }

    Builder names(NamesBuilder value) {
      names = value;
      return this;
    }

    /** What checkpoints of 8-bit numbers with scales call the weights, if that is otherwise. */
    Builder scaledNames(NamesBuilder value) {
      scaledNames = Optional.of(value);
      return this;
    }

    ModelFamily build() {
      return new ModelFamily(
          modelType,
          architecture,
          Set.copyOf(otherNames),
          new ConfigPlace(section, Set.copyOf(parts), Map.copyOf(fieldNames)),
          blocks,
          attention,
          recurrence,
          feedForward,
          Set.copyOf(ignored),
          Map.copyOf(neutral),
          names.build(),
          scaledNames.orElse(names).build());
    }
  }
}
