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
 * @param normEpsilon {@code rms_norm_eps} when absent
 * @param ropeTheta {@code rope_theta} when absent
 * @param qkNorm the norm on queries and keys
 * @param biases which projections have biases
 * @param window which layers see a sliding window
 * @param expertSizeField the field with the width inside a routed expert
 * @param gateNormalisation whether chosen gate weights are divided by their sum
 * @param feedForward which layers have experts
 * @param sharedExpert whether layers with experts have a sigmoid-gated shared one
 * @param ignored fields of this family that change no result of ours
 * @param neutral fields that we do not implement, with the JSON values that say "not used"
 * @param names what the checkpoint calls the weights
 */
record ModelFamily(
    String modelType,
    String architecture,
    double normEpsilon,
    double ropeTheta,
    QkNorm qkNorm,
    Biases biases,
    Window window,
    String expertSizeField,
    GateNormalisation gateNormalisation,
    LayerKinds feedForward,
    boolean sharedExpert,
    Set<String> ignored,
    Map<String, Set<String>> neutral,
    WeightNames names) {

  /** Which attention projections have biases. */
  enum Biases {
    NONE,
    /** Query, key and value, if {@code qkv_bias} (absent: yes). */
    QUERY_KEY_VALUE,
    /** All four, if {@code attention_bias} (absent: no). */
    ALL
  }

  /** Which layers see only the last {@code sliding_window} keys. */
  enum Window {
    NONE,
    /** All, if {@code sliding_window} is there. */
    ALL_LAYERS,
    /** All, if {@code use_sliding_window}. */
    ALL_LAYERS_IF_ENABLED,
    /** Those that {@code layer_types} names, if {@code use_sliding_window}. */
    LISTED_LAYERS_IF_ENABLED
  }

  /** Whether chosen gate weights are divided by their sum. */
  enum GateNormalisation {
    ALWAYS,
    /** If {@code norm_topk_prob} (absent: no). */
    IF_ENABLED
  }

  /** Which layers have experts. */
  enum LayerKinds {
    ALL_EXPERTS,
    /**
     * Every {@code decoder_sparse_step}-th, without those in {@code mlp_only_layers}; the others
     * are dense with {@code intermediate_size}.
     */
    SPARSE_STEP
  }
}
