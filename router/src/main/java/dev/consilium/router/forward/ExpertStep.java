package dev.consilium.router.forward;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.combine.Combine;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.router.dispatch.ExpertWork;
import dev.consilium.router.dispatch.LayerDispatch;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.gating.ExpertChoices;
import dev.consilium.router.gating.GatingNetwork;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.tensor.MatmulJob;
import dev.consilium.tensor.PackedMatrix;
import io.grpc.Status;
import java.util.List;

/**
 * The feed-forward block of a layer with experts.
 *
 * <ol>
 *   <li>Gate: scores of every expert for every token; the best ones and their weights.
 *   <li>Dispatch: tokens, or narrow images of them, to the experts that were chosen for them,
 *       wherever those are.
 *   <li>Meanwhile the shared expert, which sees every token, is computed here.
 *   <li>Combine: outputs are added in ascending expert order, and widened if they are narrow; then
 *       tokens themselves where identities were chosen; then the shared expert's. The sum of late
 *       experts is left out, and added behind the next layer's block by {@link LateSumStep}.
 * </ol>
 */
final class ExpertStep implements BlockStep {
  private final int layer;
  private final ExpertLayerWeights weights;
  private final GatingNetwork gate;
  private final ExpertDispatcher experts;
  private final RoundTo wireDtype;
  private final Utilisation utilisation;

  ExpertStep(
      int layer,
      ExpertLayerWeights weights,
      ExpertDispatcher experts,
      RoundTo wireDtype,
      Utilisation utilisation) {
    this.layer = layer;
    this.weights = weights;
    this.gate = new GatingNetwork(weights.spec().gate(), weights.gate().correctionBias());
    this.experts = experts;
    this.wireDtype = wireDtype;
    this.utilisation = utilisation;
  }

  /**
   * What the routed experts were given to do, and not asked for yet.
   *
   * @param identity for each row the weight of the token itself, or empty
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared, and lives for one pass
  record Underway(List<ExpertTokens> chosen, ExpertDispatcher.Pending pending, float[] identity) {}

  @Override
  public void run(CpuDevice device, PassState state, Workspace work) {
    List<PackedMatrix> later = device.expect(firstWeights());
    ExpertChoices choices = choose(device, state, work);
    device.expect(later);
    Underway underway = begin(device, state, choices, work);
    SharedWeights.Outputs shared = weights.shared().compute(device, state.batch, work.normed);
    if (late()) {
      clear(device, state.batch, work.delta);
      state.began(underway);
    } else {
      addSum(device, state, underway, work.normed, work);
    }
    shared.addTo(device, state.batch, work.delta);
  }

  /** Whether the sum is added by {@link #join}. */
  boolean late() {
    return weights.spec().late();
  }

  /** Adds what late experts have computed to {@code work.delta}. */
  void join(CpuDevice device, PassState state, Workspace work) {
    addSum(device, state, state.takeUnderway(), work.late, work);
  }

  private Underway begin(CpuDevice device, PassState state, ExpertChoices choices, Workspace work) {
    List<ExpertTokens> chosen = ExpertWork.of(choices, state.failedRows());
    F32Matrix toSend = rounded(device, state.batch, seen(device, state.batch, work), work);
    return new Underway(
        chosen,
        experts.begin(new LayerDispatch(layer, toSend, chosen, state.traced())),
        identities(choices));
  }

  /**
   * What routed experts see: the normalised hidden states, a copy that stays while later blocks
   * compute, or a narrow image.
   */
  private F32Matrix seen(CpuDevice device, BatchRows batch, Workspace work) {
    if (late()) {
      device.parallel(batch.count, row -> work.late.copyRow(row, work.normed, row));
      return work.late;
    }
    weights.narrow().ifPresent(narrow -> narrow.narrow(device, batch, work.normed, work.narrow));
    return weights.narrow().isPresent() ? work.narrow : work.normed;
  }

  /** The weights of the identities chosen for each token, best first, together. */
  private float[] identities(ExpertChoices choices) {
    boolean any = weights.spec().gate().identities() > 0;
    float[] sums = new float[any ? choices.tokens() : 0];
    for (int token = 0; token < sums.length; token++) {
      for (int rank = 0; rank < choices.topK(); rank++) {
        sums[token] += choices.identity(token, rank) ? choices.weight(token, rank) : 0;
      }
    }
    return sums;
  }

  /**
   * Waits for the routed experts and writes the sum of their outputs, and of tokens as often as
   * identities say, to {@code work.delta}; late, it is added to what is there. Narrow tokens nobody
   * reads any more, so that sums can take their place.
   */
  private void addSum(
      CpuDevice device, PassState state, Underway underway, F32Matrix tokens, Workspace work) {
    ExpertOutputs outputs = underway.pending().await();
    account(state, underway.chosen(), outputs);
    int count = state.batch.count;
    if (weights.narrow().isPresent()) {
      Combine.sum(device, underway.chosen(), outputs, work.narrow, count);
      weights.narrow().get().widen(device, state.batch, work.narrow, work.delta);
    } else if (late()) {
      Combine.add(device, underway.chosen(), outputs, work.delta, count);
    } else {
      Combine.sum(device, underway.chosen(), outputs, work.delta, count);
    }
    if (underway.identity().length > 0) {
      addIdentities(device, underway.identity(), tokens, work.delta);
    }
  }

  private static void addIdentities(
      CpuDevice device, float[] weights, F32Matrix tokens, F32Matrix sum) {
    device.parallel(
        weights.length,
        row ->
            device
                .kernels()
                .multiplyAdd(
                    weights[row],
                    tokens.segment(),
                    tokens.offset(row),
                    sum.columns(),
                    sum.segment(),
                    sum.offset(row)));
  }

  @Override
  public List<PackedMatrix> firstWeights() {
    return List.of(weights.gate().matrix());
  }

  private ExpertChoices choose(CpuDevice device, PassState state, Workspace work) {
    device.matmul(
        List.of(
            new MatmulJob(
                weights.gate().matrix(), work.normed, state.batch.all, work.gateLogits, 0)));
    Biases.add(device, weights.gate().bias(), state.batch.count, work.gateLogits);
    failRowsOutOfRange(state, work.gateLogits);
    ExpertChoices choices = gate.choose(device, work.gateLogits, state.batch.count);
    state.observer.onGate(layer, work.gateLogits, choices);
    state.noteChoices(layer, choices);
    return choices;
  }

  /**
   * A sequence whose numbers overflowed ends alone; its logits are cleared so that the gate can go
   * on.
   */
  private void failRowsOutOfRange(PassState state, F32Matrix logits) {
    int choices = weights.spec().gate().choices();
    for (int row = 0; row < state.batch.count; row++) {
      if (!finite(logits, row, choices)) {
        state.fail(
            row,
            Status.INTERNAL.withDescription(
                "layer %d: the gate's logits at position %d are not finite: the hidden state overflowed"
                    .formatted(layer, state.batch.position[row])));
        for (int choice = 0; choice < choices; choice++) {
          logits.set(row, choice, 0);
        }
      }
    }
  }

  private static boolean finite(F32Matrix logits, int row, int count) {
    for (int column = 0; column < count; column++) {
      if (!Float.isFinite(logits.get(row, column))) {
        return false;
      }
    }
    return true;
  }

  /** What goes out: what experts see, or a copy of it rounded to the wire dtype. */
  private F32Matrix rounded(CpuDevice device, BatchRows batch, F32Matrix seen, Workspace work) {
    return switch (wireDtype) {
      case F32 -> seen;
      case BF16 -> {
        device.parallel(
            batch.count,
            row -> {
              work.rounded.copyRow(row, seen, row);
              device
                  .kernels()
                  .roundToBf16(
                      work.rounded.columns(), work.rounded.segment(), work.rounded.offset(row));
            });
        yield work.rounded;
      }
    };
  }

  /** Counts what was computed, and ends the slices of what was not. */
  private void account(PassState state, List<ExpertTokens> chosen, ExpertOutputs outputs) {
    for (int i = 0; i < chosen.size(); i++) {
      ExpertTokens work = chosen.get(i);
      if (outputs.failure(i).isPresent()) {
        Status why = outputs.failure(i).get();
        for (int place = 0; place < work.count(); place++) {
          state.fail(work.token(place), why);
        }
      } else {
        utilisation.add(layer, work.expert(), outputs.node(i), work.count());
      }
    }
  }

  private static void clear(CpuDevice device, BatchRows batch, F32Matrix sum) {
    device.parallel(
        batch.count,
        row ->
            sum.segment()
                .asSlice(sum.offset(row), (long) sum.columns() * Float.BYTES)
                .fill((byte) 0));
  }
}
