package dev.consilium.router.forward;

import dev.consilium.router.dispatch.LayerDispatch.TracedRows;
import dev.consilium.router.gating.ChosenExperts;
import dev.consilium.router.gating.ExpertChoices;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** What a pass gathers on its way through the layers: failed slices, chosen experts, late ones. */
final class PassState {
  final BatchRows batch;
  final ForwardObserver observer;
  private final List<Optional<Status>> failures;
  private final List<List<ChosenExperts>> chosen = new ArrayList<>();
  private final BitSet failedRows = new BitSet();
  private final List<TracedRows> traced;
  private Optional<ExpertStep.Underway> underway = Optional.empty();

  PassState(BatchRows batch, ForwardObserver observer) {
    this.batch = batch;
    this.observer = observer;
    this.failures = new ArrayList<>(Collections.nCopies(batch.slices.size(), Optional.empty()));
    batch.slices.forEach(slice -> chosen.add(new ArrayList<>()));
    this.traced = batch.traced();
  }

  /** Ends the slice of a row; its rows go on through the layers, where nobody looks at them. */
  void fail(int row, Status why) {
    int slice = batch.slice[row];
    if (failures.get(slice).isEmpty()) {
      failures.set(slice, Optional.of(why));
      failedRows.set(batch.firstRow(slice), batch.lastRow(slice) + 1);
    }
  }

  BitSet failedRows() {
    return failedRows;
  }

  /** Notes what late experts have begun. */
  void began(ExpertStep.Underway work) {
    underway = Optional.of(work);
  }

  /** What late experts have begun, once. */
  ExpertStep.Underway takeUnderway() {
    ExpertStep.Underway begun = underway.orElseThrow();
    underway = Optional.empty();
    return begun;
  }

  /** Slices whose request is traced. */
  List<TracedRows> traced() {
    return traced;
  }

  List<Optional<Status>> failures() {
    return failures;
  }

  void noteChoices(int layer, ExpertChoices choices) {
    for (int i = 0; i < batch.slices.size(); i++) {
      if (batch.slices.get(i).expertTrace()) {
        chosen.get(i).add(choices.ofToken(layer, batch.lastRow(i)));
      }
    }
  }

  List<List<ChosenExperts>> chosenExperts() {
    return chosen;
  }
}
