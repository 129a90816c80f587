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
 *       the shared expert's.
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

  @Override
  public void run(CpuDevice device, PassState state, Workspace work) {
    List<PackedMatrix> later = device.expect(firstWeights());
    ExpertChoices choices = choose(device, state, work);
    device.expect(later);
    List<ExpertTokens> chosen =
        ExpertWork.of(choices, weights.spec().gate().expertCount(), state.failedRows());
    F32Matrix toSend = rounded(device, state.batch, narrowed(device, state.batch, work), work);
    ExpertDispatcher.Pending pending =
        experts.begin(new LayerDispatch(layer, toSend, chosen, state.traced()));
    SharedWeights.Outputs shared = weights.shared().compute(device, state.batch, work.normed);
    ExpertOutputs outputs = pending.await();
    account(state, chosen, outputs);
    combine(device, state.batch, chosen, outputs, work);
    shared.addTo(device, state.batch, work.delta);
  }

  /** What routed experts see: the normalised hidden states, or a narrow image of them. */
  private F32Matrix narrowed(CpuDevice device, BatchRows batch, Workspace work) {
    weights.narrow().ifPresent(narrow -> narrow.narrow(device, batch, work.normed, work.narrow));
    return weights.narrow().isPresent() ? work.narrow : work.normed;
  }

  /** Nobody reads narrow tokens any more, so that sums can take their place. */
  private void combine(
      CpuDevice device,
      BatchRows batch,
      List<ExpertTokens> chosen,
      ExpertOutputs outputs,
      Workspace work) {
    F32Matrix sum = weights.narrow().isPresent() ? work.narrow : work.delta;
    clear(device, batch, sum);
    Combine.add(device, chosen, outputs, sum);
    weights.narrow().ifPresent(narrow -> narrow.widen(device, batch, sum, work.delta));
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
    ExpertChoices choices = gate.choose(work.gateLogits, state.batch.count);
    state.observer.onGate(layer, work.gateLogits, choices);
    state.noteChoices(layer, choices);
    return choices;
  }

  /**
   * A sequence whose numbers overflowed ends alone; its logits are cleared so that the gate can go
   * on.
   */
  private void failRowsOutOfRange(PassState state, F32Matrix logits) {
    int expertCount = weights.spec().gate().expertCount();
    for (int row = 0; row < state.batch.count; row++) {
      if (!finite(logits, row, expertCount)) {
        state.fail(
            row,
            Status.INTERNAL.withDescription(
                "layer %d: the gate's logits at position %d are not finite: the hidden state overflowed"
                    .formatted(layer, state.batch.position[row])));
        for (int expert = 0; expert < expertCount; expert++) {
          logits.set(row, expert, 0);
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
