package dev.consilium.router.forward;

import dev.consilium.router.gating.ChosenExperts;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.util.List;
import java.util.Optional;

/** What a forward pass gives for each slice of its batch. Valid until the next pass. */
public final class BatchResult {
  private final F32Matrix logits;
  private final int[] firstLogitsRow;
  private final List<BatchSlice> slices;
  private final List<Optional<Status>> failures;
  private final List<List<ChosenExperts>> chosenExperts;

  BatchResult(
      List<BatchSlice> slices,
      F32Matrix logits,
      List<Optional<Status>> failures,
      List<List<ChosenExperts>> chosenExperts) {
    this.slices = slices;
    this.logits = logits;
    this.failures = failures;
    this.chosenExperts = chosenExperts;
    this.firstLogitsRow = new int[slices.size() + 1];
    for (int i = 0; i < slices.size(); i++) {
      firstLogitsRow[i + 1] = firstLogitsRow[i] + slices.get(i).logitsRows();
    }
  }

  /** Why a slice could not be computed; empty if it was. */
  public Optional<Status> failure(int slice) {
    return failures.get(slice);
  }

  /** Logits of the slice's last token, {@code [vocabularySize]}, into {@code into}. */
  public void readLastLogits(int slice, float[] into) {
    logits.readRow(firstLogitsRow[slice + 1] - 1, into);
  }

  /** Logits of a slice that asked for {@link BatchSlice.Logits#ALL}. */
  public void readLogits(int slice, int token, float[] into) {
    if (slices.get(slice).logits() != BatchSlice.Logits.ALL) {
      throw new IllegalArgumentException("slice " + slice + " did not ask for all logits");
    }
    logits.readRow(firstLogitsRow[slice] + token, into);
  }

  /** Experts of the slice's last token, if its trace was asked for; layers ascending. */
  public List<ChosenExperts> chosenExperts(int slice) {
    return chosenExperts.get(slice);
  }
}
