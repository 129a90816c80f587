package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;
import java.util.OptionalInt;

/**
 * Layers, context, widths.
 *
 * @param prediction whether files may have layers that predict tokens further ahead, the last ones
 * @param epsilon the key of what norms add
 */
record GgufSizes(boolean prediction, GgufKey epsilon) implements GgufAxis {

  GgufSizes(boolean prediction) {
    this(prediction, GgufKey.NORM_EPSILON);
  }

  @Override
  public void read(GgufReading from) {
    layers(from);
    from.whole(GgufKey.CONTEXT, "max_position_embeddings");
    from.whole(GgufKey.HIDDEN, "hidden_size");
    from.real(epsilon, "rms_norm_eps");
    OptionalInt vocabulary = from.whole(GgufKey.VOCABULARY);
    if (vocabulary.isPresent()) {
      from.put(GgufKey.VOCABULARY, "vocab_size", vocabulary.getAsInt());
    } else {
      from.tensor("token_embd.weight")
          .ifPresent(tensor -> from.config().put("vocab_size", tensor.shape().getFirst()));
    }
  }

  private void layers(GgufReading from) {
    from.whole(GgufKey.LAYERS, "num_hidden_layers");
    int further = prediction ? from.whole(GgufKey.PREDICTION_LAYERS).orElse(0) : 0;
    OptionalInt all = from.whole(GgufKey.LAYERS);
    if (further > 0 && all.isPresent()) {
      if (further >= all.getAsInt()) {
        throw from.unwanted(
            GgufKey.PREDICTION_LAYERS, "less than the layers, which are " + all.getAsInt());
      }
      from.put(GgufKey.LAYERS, "num_hidden_layers", all.getAsInt() - further);
      from.put(GgufKey.PREDICTION_LAYERS, "num_nextn_predict_layers", further);
    }
  }

  @Override
  public void write(ModelSpec spec, GgufWriting to) {
    to.whole(GgufKey.LAYERS, spec.layers().size());
    to.whole(GgufKey.CONTEXT, spec.contextLength());
    to.whole(GgufKey.HIDDEN, spec.hiddenSize());
    to.whole(GgufKey.VOCABULARY, spec.vocabularySize());
    to.real(epsilon, spec.normEpsilon());
  }
}
