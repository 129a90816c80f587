package dev.consilium.model.conversion;

import dev.consilium.model.gguf.GgufNames;
import java.util.List;
import java.util.regex.Pattern;

/** What a tensor is for, as far as it decides how it is encoded. */
public enum WeightRole {
  /** Norms and biases: few values, which act on everything. */
  VECTOR,
  /** What chooses experts: a small error there changes what is computed. */
  GATE,
  EMBEDDING,
  HEAD,
  /** The routed experts of a layer. */
  EXPERTS,
  /** Attention, shared experts, dense layers. */
  MATRIX;

  /** What files hold as matrices though it is a few values for each head or channel. */
  private static final Pattern SMALL =
      Pattern.compile(
          "blk\\.\\d+\\.(ssm_(a|d|conv1d(_[qkv])?\\.weight|norm\\.weight)|shortconv\\.conv\\.weight)");

  /** The role of a tensor by its name in GGUF. */
  public static WeightRole of(String name, List<Long> shape) {
    if (shape.size() == 1 || name.endsWith(".bias") || SMALL.matcher(name).matches()) {
      return VECTOR;
    }
    if (name.equals(GgufNames.ALL.embedding())) {
      return EMBEDDING;
    }
    if (name.equals(GgufNames.ALL.head())) {
      return HEAD;
    }
    if (name.endsWith(".ffn_gate_inp.weight")) {
      return GATE;
    }
    return name.endsWith(GgufNames.EXPERTS_SUFFIX) ? EXPERTS : MATRIX;
  }
}
