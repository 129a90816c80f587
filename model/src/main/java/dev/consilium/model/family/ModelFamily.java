package dev.consilium.model.family;

import java.util.Map;
import java.util.Set;

/**
 * The declaration of a family: which building blocks it has, which configuration fields turn them
 * on, and what absent fields mean. {@link SpecReader} makes a {@link ModelSpec} of it and a
 * configuration.
 *
 * @param modelType what {@code model_type} says
 * @param architecture the class name of its text generation model in the configuration
 * @param blocks what surrounds the blocks
 * @param attention of its layers
 * @param feedForward of its layers
 * @param ignored fields of this family that change no result of ours
 * @param neutral fields that we do not implement, with the JSON values that say "not used"
 * @param names what the checkpoint calls the weights
 */
record ModelFamily(
    String modelType,
    String architecture,
    BlockRules blocks,
    MixingRules attention,
    FeedForwardRules feedForward,
    Set<String> ignored,
    Map<String, Set<String>> neutral,
    WeightNames names) {}
