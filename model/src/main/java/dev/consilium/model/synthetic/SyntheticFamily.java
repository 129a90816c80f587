package dev.consilium.model.synthetic;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;

/** Which family a synthetic model is shaped like. */
public enum SyntheticFamily {
  QWEN3MOE("qwen3_moe"),
  MIXTRAL("mixtral"),
  OLMOE("olmoe");

  private static final int CONTEXT = 8192;
  private static final double ROPE_THETA = 1e6;
  private static final double NORM_EPSILON = 1e-6;

  private final String modelType;

  SyntheticFamily(String modelType) {
    this.modelType = modelType;
  }

  /** The specification of a model of this family and size. */
  ModelSpec spec(SyntheticShape shape) {
    ObjectNode config = JsonNodeFactory.instance.objectNode();
    config
        .put("model_type", modelType)
        .put("hidden_size", shape.hidden)
        .put("intermediate_size", shape.intermediate)
        .put("num_hidden_layers", shape.layers)
        .put("head_dim", shape.headDim)
        .put("num_attention_heads", shape.heads)
        // OLMoE's attention has as many key-value heads as query heads.
        .put("num_key_value_heads", this == OLMOE ? shape.heads : shape.kvHeads)
        .put("num_experts", shape.experts)
        .put("num_experts_per_tok", shape.topK)
        .put("rms_norm_eps", NORM_EPSILON)
        .put("rope_theta", ROPE_THETA)
        .put("vocab_size", shape.vocabulary)
        .put("max_position_embeddings", CONTEXT)
        .put("bos_token_id", shape.vocabulary - 2)
        .put("eos_token_id", shape.vocabulary - 1);
    if (this == QWEN3MOE) {
      config.put("moe_intermediate_size", shape.intermediate).put("norm_topk_prob", true);
    }
    return ModelFamilies.specify(config);
  }
}
