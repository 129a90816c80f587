package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import java.util.ArrayList;
import java.util.List;

/** How files say which layers have experts. */
sealed interface GgufExpertLayers extends GgufAxis {

  /** By which tensors a layer has. */
  record ByTensors() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      ArrayNode dense = from.config().putArray("mlp_only_layers");
      int layers = from.layers();
      for (int i = 0; i < layers; i++) {
        if (!from.hasExperts(i) && from.tensor("blk.%d.ffn_gate.weight".formatted(i)).isPresent()) {
          dense.add(i);
        }
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }

  /** By which tensors a layer has, as a list of both kinds. */
  record TypedByTensors() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      ArrayNode types = from.config().putArray("mlp_layer_types");
      int layers = from.layers() - from.predictionLayers();
      for (int i = 0; i < layers; i++) {
        types.add(from.hasExperts(i) ? "sparse" : "dense");
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }

  /**
   * {@code expert_layer_offset} of every {@code expert_layer_period} layers, by which tensors they
   * have.
   */
  record Periodic() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      int layers = from.layers();
      List<Boolean> with = new ArrayList<>();
      for (int i = 0; i < layers; i++) {
        with.add(from.hasExperts(i));
      }
      Period period =
          Period.of(with)
              .orElseThrow(
                  () -> from.unwanted(GgufKey.LAYERS, "layers of which every n-th has experts"));
      from.config().put("expert_layer_offset", period.offset());
      from.config().put("expert_layer_period", period.length());
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {}
  }

  /**
   * All but the first few.
   *
   * @param field with how many those are
   */
  record AfterDense(String field) implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      from.put(GgufKey.DENSE_LAYERS, field, from.whole(GgufKey.DENSE_LAYERS).orElse(0));
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(GgufKey.DENSE_LAYERS, first(spec));
    }
  }

  /** All but the first few, as a list of both kinds. */
  record TypedAfterDense() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      from.origin(GgufKey.DENSE_LAYERS, "mlp_layer_types");
      int dense = from.whole(GgufKey.DENSE_LAYERS).orElse(0);
      ArrayNode types = from.config().putArray("mlp_layer_types");
      for (int i = 0; i < from.layers() - from.predictionLayers(); i++) {
        types.add(i < dense ? "dense" : "sparse");
      }
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(GgufKey.DENSE_LAYERS, first(spec));
    }
  }

  /** Every n-th, from some layer on. */
  record FromEvery() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      from.put(
          GgufKey.DENSE_LAYERS,
          "moe_layer_start_index",
          from.whole(GgufKey.DENSE_LAYERS).orElse(0));
      from.whole(GgufKey.EXPERT_STEP, "moe_layer_interval");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(GgufKey.DENSE_LAYERS, first(spec));
      to.whole(GgufKey.EXPERT_STEP, step(spec));
    }
  }

  /** Every n-th. */
  record Every() implements GgufExpertLayers {
    @Override
    public void read(GgufReading from) {
      from.whole(GgufKey.EXPERT_STEP, "interleave_moe_layer_step");
    }

    @Override
    public void write(ModelSpec spec, GgufWriting to) {
      to.whole(GgufKey.EXPERT_STEP, first(spec) + 1);
    }
  }

  private static int first(ModelSpec spec) {
    return withExperts(spec).stream().findFirst().orElse(0);
  }

  private static int step(ModelSpec spec) {
    List<Integer> with = withExperts(spec);
    return with.size() < 2 ? 1 : with.get(1) - with.get(0);
  }

  private static List<Integer> withExperts(ModelSpec spec) {
    return spec.layers().stream()
        .filter(layer -> layer.feedForward() instanceof MixtureOfExperts)
        .map(LayerSpec::index)
        .toList();
  }
}
