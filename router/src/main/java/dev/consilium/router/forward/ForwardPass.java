package dev.consilium.router.forward;

import dev.consilium.model.expert.RoundTo;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.ResidualFactors;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.KvDType;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import dev.consilium.tensor.ScratchMatrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * One pass through the model over a batch of tokens from many sequences.
 *
 * <ol>
 *   <li>Embed every token.
 *   <li>For every layer: normalise, attend, add; normalise, feed forward (dense, or gate, dispatch
 *       and combine), add. Layers may have one of the two blocks only.
 *   <li>Normalise and multiply by the head, for the tokens whose logits are wanted.
 * </ol>
 *
 * <p>Rows do not influence each other except through attention inside their own sequence, and no
 * kernel's order of addition depends on how many rows there are. So a token's result is the same
 * bits in any batch.
 */
public final class ForwardPass {
  private final ModelSpec spec;
  private final RouterWeights weights;
  private final CpuDevice device;
  private final Workspace work;
  private final ScratchMatrix logits = new ScratchMatrix();
  private final int maxTokens;
  private final List<Block> blocks = new ArrayList<>();

  /** A step with what is around it. */
  private record Block(int layer, Norm norm, ResidualFactors residual, BlockStep step) {}

  /**
   * @param experts has the routed experts computed
   * @param wireDtype what hidden states and expert outputs are rounded to on their way, also when
   *     the way is short
   * @param kvDType what keys and values are kept as
   * @param utilisation counts the tokens of each expert
   * @param maxTokens most tokens in a batch
   */
  public ForwardPass(
      RouterWeights weights,
      CpuDevice device,
      ExpertDispatcher experts,
      RoundTo wireDtype,
      KvDType kvDType,
      Utilisation utilisation,
      int maxTokens) {
    this.spec = weights.spec();
    this.weights = weights;
    this.device = device;
    this.maxTokens = maxTokens;
    this.work = new Workspace(spec, maxTokens);
    for (LayerSpec layer : spec.layers()) {
      LayerWeights halves = weights.layer(layer.index());
      halves
          .attention()
          .ifPresent(
              half -> add(layer, half, layer.attentionResidual(), attention(layer, half, kvDType)));
      halves
          .feedForward()
          .ifPresent(half ->
              add(
                  layer,
                  half,
                  layer.feedForwardResidual(),
                  switch (half.weights()) {
                    case DenseWeights dense -> dense(layer, dense);
                    case ExpertLayerWeights moe ->
                        new ExpertStep(layer.index(), moe, experts, wireDtype, utilisation);
                  }));
    }
  }

  /** Behind late experts, a dense block has their sum added. */
  private BlockStep dense(LayerSpec layer, DenseWeights weights) {
    DenseStep dense = new DenseStep(weights);
    return blocks.stream()
        .filter(block -> block.layer() == layer.index() - 1)
        .map(Block::step)
        .filter(step -> step instanceof ExpertStep experts && experts.late())
        .<BlockStep>map(experts -> new LateSumStep(dense, (ExpertStep) experts))
        .findFirst()
        .orElse(dense);
  }

  private AttentionStep attention(
      LayerSpec layer, LayerWeights.Half<AttentionWeights> half, KvDType kvDType) {
    int index = layer.index();
    return switch (half.weights()) {
      case GroupedQueryWeights grouped ->
          new GroupedQueryStep(index, grouped, spec.normEpsilon(), kvDType);
      case LinearWeights linear -> new LinearStep(index, linear, spec.normEpsilon());
      case Mamba1Weights mamba -> new Mamba1Step(index, mamba, spec.normEpsilon());
      case ShortConvolutionWeights convolution -> new ShortConvolutionStep(index, convolution);
      case LatentWeights latent -> new LatentStep(index, latent, kvDType);
    };
  }

  private void add(
      LayerSpec layer, LayerWeights.Half<?> half, ResidualFactors residual, BlockStep step) {
    blocks.add(new Block(layer.index(), half.norm(), residual, step));
  }

  /** What every layer keeps of a sequence, in order. */
  public static CacheLayout cacheLayout(ModelSpec spec, KvDType kvDType) {
    return new CacheLayout(
        spec.layers().stream()
            .map(layer ->
                switch (layer.attention()) {
                  case GroupedQueryAttention grouped ->
                      LayerCache.ofWindow(
                          GroupedQueryStep.shapeOf(grouped, kvDType).blockBytes(),
                          grouped.keys().window());
                  case RecurrentAttention recurrent ->
                      LayerCache.ofState(RecurrentRows.stateBytes(recurrent));
                  case LatentAttention latent ->
                      LayerCache.ofBlocks(LatentStep.shapeOf(latent, kvDType).blockBytes());
                  case NoMixing() -> LayerCache.NOTHING;
                })
            .toList());
  }

  /**
   * Bytes of the matrices that a batch with logits reads, however many tokens it has: attention,
   * gates, shared experts, dense layers, head. Routed experts come on top, those that are chosen.
   */
  public long bytesOfEveryStep() {
    return weights.bytesOfEveryStep();
  }

  /**
   * Most tokens of a sequence that can grow by one and keep its cache; a longer one must be
   * computed again from its first token, once.
   */
  public int shortTokens() {
    return work.shortTokens();
  }

  /** Computes a batch. */
  public BatchResult run(List<BatchSlice> slices) {
    return run(slices, ForwardObserver.NONE);
  }

  /**
   * Computes a batch.
   *
   * @param slices at most {@code maxTokens} tokens together, no sequence twice
   * @param observer is shown each layer
   */
  public BatchResult run(List<BatchSlice> slices, ForwardObserver observer) {
    BatchRows batch = new BatchRows(slices);
    if (batch.count > maxTokens) {
      throw new IllegalArgumentException(
          "a batch of " + batch.count + " tokens: at most " + maxTokens + " fit the workspace");
    }
    PassState state = new PassState(batch, observer);
    slices.forEach(slice -> slice.cache().pass(slice.from(), slice.count()));
    embed(batch);
    work.rotary.values().forEach(rotary -> rotary.fill(device, batch));
    device.parallel(batch.count, row -> enter(row, 0));
    for (int i = 0; i < blocks.size(); i++) {
      Block block = blocks.get(i);
      int next = i + 1;
      device.expect(firstWeights(next));
      block.step().run(device, state, work);
      device.parallel(
          batch.count,
          row -> {
            leave(row, block);
            enter(row, next);
          });
      if (next == blocks.size() || blocks.get(next).layer() != block.layer()) {
        observer.onLayer(block.layer(), work.hidden, batch.count);
      }
    }
    return new BatchResult(slices, logits(batch), state.failures(), state.chosenExperts());
  }

  /** What a token meets first in a block; behind the last one, the head. */
  private List<PackedMatrix> firstWeights(int block) {
    return block < blocks.size()
        ? blocks.get(block).step().firstWeights()
        : List.of(weights.head());
  }

  private void embed(BatchRows batch) {
    device.parallel(
        batch.count,
        row -> {
          float[] embedded = new float[spec.hiddenSize()];
          weights.embedding().unpackRow(batch.token(row), embedded);
          work.hidden.writeRow(row, embedded);
          device
              .kernels()
              .scale(
                  spec.multipliers().embedding(),
                  spec.hiddenSize(),
                  work.hidden.segment(),
                  work.hidden.offset(row));
        });
  }

  /**
   * From the residual stream to {@code normed}, which a block reads; behind the last one, nothing.
   */
  private void enter(int row, int block) {
    if (block == blocks.size()) {
      return;
    }
    switch (spec.norm().place()) {
      case BEFORE, ON_STREAM -> normalise(row, blocks.get(block).norm());
      case AFTER -> work.normed.copyRow(row, work.hidden, row);
    }
  }

  /** From {@code delta}, which a block wrote, to the residual stream. */
  private void leave(int row, Block block) {
    switch (spec.norm().place()) {
      case BEFORE -> {}
      case ON_STREAM -> work.hidden.copyRow(row, work.normed, row);
      case AFTER -> block.norm().apply(device.kernels(), work.delta, work.delta, row);
    }
    addToHidden(row, block.residual());
  }

  private void normalise(int row, Norm norm) {
    norm.apply(device.kernels(), work.hidden, work.normed, row);
  }

  private void addToHidden(int row, ResidualFactors factors) {
    MemorySegment hidden = work.hidden.segment();
    long at = work.hidden.offset(row);
    if (factors.stream() != 1) {
      device.kernels().scale(factors.stream(), spec.hiddenSize(), hidden, at);
    }
    device
        .kernels()
        .multiplyAdd(
            spec.multipliers().residual() * factors.block(),
            work.delta.segment(),
            work.delta.offset(row),
            spec.hiddenSize(),
            hidden,
            at);
  }

  /** Logits of the rows that are wanted, in their order. */
  private F32Matrix logits(BatchRows batch) {
    int[] rows = batch.logitsRows();
    F32Matrix logits = this.logits.of(rows.length, spec.vocabularySize());
    if (rows.length > 0) {
      device.parallel(rows.length, i -> normalise(rows[i], weights.finalNorm()));
      device.matmul(
          List.of(new MatmulJob(weights.head(), work.normed, rows, logits, 0)), firstWeights(0));
      device.parallel(rows.length, row -> finishLogits(logits, row));
    }
    return logits;
  }

  private void finishLogits(F32Matrix logits, int row) {
    weights
        .headBias()
        .ifPresent(bias ->
            device
                .kernels()
                .add(bias.segment(), 0, bias.length(), logits.segment(), logits.offset(row)));
    float factor = spec.multipliers().logits();
    if (factor != 1) {
      device.kernels().scale(factor, spec.vocabularySize(), logits.segment(), logits.offset(row));
    }
  }
}
