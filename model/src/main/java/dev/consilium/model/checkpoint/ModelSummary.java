package dev.consilium.model.checkpoint;

import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.RecurrentAttention;
import java.util.List;
import java.util.Map;

/**
 * How large a model is, counted from its specification and tensor headers; no weight is read.
 *
 * @param totalParameters all weights, biases and norms; a tied head counts once
 * @param activeParameters those that one token uses: everything but the routed experts that are not
 *     chosen. Embedding and head count whole, as model cards do
 * @param totalBytes of all needed tensors as they are read: what files hold in 8 or 4 bits with
 *     scales beside it counts as the wider numbers that become of it
 * @param keyValueBytesPerToken keys and values of one token over all layers, in f32
 * @param layers by index
 */
public record ModelSummary(
    long totalParameters,
    long activeParameters,
    long totalBytes,
    long keyValueBytesPerToken,
    List<Layer> layers) {

  public ModelSummary {
    layers = List.copyOf(layers);
  }

  /**
   * One layer.
   *
   * @param index from 0
   * @param parameters of the whole layer
   * @param activeParameters that one token uses
   * @param bytes of the whole layer as stored
   * @param experts routed experts; 0 in a dense layer
   * @param expertsPerToken how many of them a token uses
   * @param expertParameters of one routed expert; 0 in a dense layer
   * @param expertBytes of one routed expert as stored; 0 in a dense layer
   * @param sharedExpertBytes of the experts that see every token
   * @param keyValueBytesPerToken keys and values of one token, in f32
   */
  public record Layer(
      int index,
      long parameters,
      long activeParameters,
      long bytes,
      int experts,
      int expertsPerToken,
      long expertParameters,
      long expertBytes,
      long sharedExpertBytes,
      long keyValueBytesPerToken) {}

  /** Counts an open checkpoint. */
  public static ModelSummary of(Checkpoint checkpoint) {
    return of(checkpoint.spec(), checkpoint.headers());
  }

  /**
   * Counts a model.
   *
   * @param headers of all tensors that {@code spec} needs, by name
   */
  public static ModelSummary of(ModelSpec spec, Map<String, TensorHeader> headers) {
    return of(
        spec,
        (name, shape) -> {
          TensorHeader header = headers.get(name);
          if (header == null) {
            throw new IllegalArgumentException("no header of tensor " + name);
          }
          return header;
        });
  }

  /** Says what there is to know about a tensor. */
  interface Headers {
    TensorHeader of(String name, List<Long> shape);
  }

  static ModelSummary of(ModelSpec spec, Headers headers) {
    List<Layer> layers = spec.layers().stream().map(layer -> layer(spec, layer, headers)).toList();
    Count all = new Count(headers);
    SpecTensors.visit(spec, all);
    long idle =
        layers.stream().mapToLong(layer -> layer.parameters() - layer.activeParameters()).sum();
    return new ModelSummary(
        all.parameters,
        all.parameters - idle,
        all.bytes,
        layers.stream().mapToLong(Layer::keyValueBytesPerToken).sum(),
        layers);
  }

  private static Layer layer(ModelSpec spec, LayerSpec layer, Headers headers) {
    Count whole = new Count(headers);
    SpecTensors.visit(spec, layer, whole);
    Count expert = new Count(headers);
    Count shared = new Count(headers);
    int experts = 0;
    int perToken = 0;
    if (layer.feedForward() instanceof MixtureOfExperts mixture) {
      experts = mixture.gate().expertCount();
      perToken = Math.min(experts, mixture.gate().topK());
      SpecTensors.visitExpert(spec, layer.index(), mixture, expert);
      SpecTensors.visitShared(spec, layer.index(), mixture, shared);
    }
    return new Layer(
        layer.index(),
        whole.parameters,
        whole.parameters - (experts - perToken) * expert.parameters,
        whole.bytes,
        experts,
        perToken,
        expert.parameters,
        expert.bytes,
        shared.bytes,
        keyValueBytes(layer));
  }

  private static long keyValueBytes(LayerSpec layer) {
    return switch (layer.attention()) {
      case GroupedQueryAttention attention -> 2L * attention.keyValueWidth() * Float.BYTES;
      case RecurrentAttention _, NoMixing _ -> 0;
      case LatentAttention attention -> (long) attention.cacheWidth() * Float.BYTES;
    };
  }

  /** Adds up tensors. */
  private static final class Count implements SpecTensors.Visitor {
    private final Headers headers;
    long parameters;
    long bytes;

    Count(Headers headers) {
      this.headers = headers;
    }

    @Override
    public void tensor(String name, List<Long> shape) {
      TensorHeader header = headers.of(name, shape);
      parameters += header.elementCount();
      bytes += header.byteSize();
    }
  }
}
