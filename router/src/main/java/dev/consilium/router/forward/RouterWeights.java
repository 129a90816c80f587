package dev.consilium.router.forward;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.BlockComputation;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.WeightNames;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Vector;
import dev.consilium.tensor.PackedMatrix;
import java.util.List;
import java.util.Optional;

/** All weights of a model but the routed experts'. Read-only once loaded. */
public final class RouterWeights implements AutoCloseable {
  private final ModelSpec spec;
  private final PackedMatrix embedding;
  private final PackedMatrix head;
  private final Optional<F32Vector> headBias;
  private final Norm finalNorm;
  private final List<LayerWeights> layers;
  private final LoadedWeights loaded;

  private RouterWeights(
      ModelSpec spec,
      PackedMatrix embedding,
      PackedMatrix head,
      Optional<F32Vector> headBias,
      Norm finalNorm,
      List<LayerWeights> layers,
      LoadedWeights loaded) {
    this.spec = spec;
    this.embedding = embedding;
    this.head = head;
    this.headBias = headBias;
    this.finalNorm = finalNorm;
    this.layers = List.copyOf(layers);
    this.loaded = loaded;
  }

  /**
   * Loads the weights, on the threads of the device.
   *
   * @param device what shared experts and dense layers are computed on
   * @throws dev.consilium.model.checkpoint.CheckpointException if one cannot be read
   */
  public static RouterWeights load(Checkpoint checkpoint, CpuDevice device) {
    return load(new WeightLoader(checkpoint, new LoadedWeights()), device);
  }

  static RouterWeights load(WeightLoader loader, CpuDevice device) {
    try {
      return loadAll(loader, device);
    } catch (RuntimeException | Error e) {
      loader.loaded().close();
      throw e;
    }
  }

  private static RouterWeights loadAll(WeightLoader loader, CpuDevice device) {
    ModelSpec spec = loader.spec();
    BlockComputation blocks = new BlockComputation(device);
    LayerWeights[] layers = new LayerWeights[spec.layers().size()];
    PackedMatrix[] embeddings = new PackedMatrix[spec.tiedEmbeddings() ? 1 : 2];
    device.parallel(
        embeddings.length + layers.length,
        task -> {
          if (task < embeddings.length) {
            embeddings[task] =
                embedding(loader, task == 0 ? spec.names().embedding() : spec.names().head());
          } else {
            LayerSpec layer = spec.layers().get(task - embeddings.length);
            layers[layer.index()] = LayerWeights.load(loader, layer, blocks);
          }
        });
    return new RouterWeights(
        spec,
        embeddings[0],
        embeddings[embeddings.length - 1],
        headBias(loader),
        Norm.load(loader, spec.names().finalNorm()),
        List.of(layers),
        loader.loaded());
  }

  private static Optional<F32Vector> headBias(WeightLoader loader) {
    ModelSpec spec = loader.spec();
    return spec.headBias()
        ? Optional.of(loader.vector(WeightNames.bias(spec.headName()), spec.vocabularySize()))
        : Optional.empty();
  }

  private static PackedMatrix embedding(WeightLoader loader, String name) {
    ModelSpec spec = loader.spec();
    return loader.matrix(name, spec.vocabularySize(), spec.hiddenSize());
  }

  ModelSpec spec() {
    return spec;
  }

  /** {@code [vocabularySize, hiddenSize]}: row t is the hidden state that token t begins with. */
  PackedMatrix embedding() {
    return embedding;
  }

  /** {@code [vocabularySize, hiddenSize]}. */
  PackedMatrix head() {
    return head;
  }

  /** {@code [vocabularySize]}. */
  Optional<F32Vector> headBias() {
    return headBias;
  }

  Norm finalNorm() {
    return finalNorm;
  }

  LayerWeights layer(int index) {
    return layers.get(index);
  }

  /** Bytes of the matrices that every step reads whole: all but the embedding, unless tied. */
  long bytesOfEveryStep() {
    return layers.stream().mapToLong(LayerWeights::matrixBytes).sum() + head.byteSize();
  }

  @Override
  public void close() {
    loaded.close();
  }
}
