package dev.consilium.router.combine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.router.dispatch.ExpertOutputs;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class CombineTest {
  private static final float TINY = 1e-8f;

  @Test
  void add_experts_addsInAscendingOrder() {
    // (1e-8 + 1) - 1 is 0 in float; any other order keeps the tiny one.
    assertThat(sum(List.of(TINY, 1f, -1f), List.of(0, 1, 2))).isZero();
    assertThat(sum(List.of(1f, -1f, TINY), List.of(0, 1, 2))).isEqualTo(TINY);
  }

  @Test
  void add_anyOrderOfArrival_sameBits() {
    SplittableRandom random = new SplittableRandom(5);
    List<Float> outputs = new ArrayList<>();
    List<Integer> arrival = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      outputs.add((float) (random.nextGaussian() * Math.pow(10, random.nextInt(8) - 4)));
      arrival.add(i);
    }
    float expected = 0;
    for (float output : outputs) {
      expected += output;
    }
    for (int i = 0; i < 20; i++) {
      Collections.shuffle(arrival, new java.util.Random(i));
      assertThat(Float.floatToRawIntBits(sum(outputs, arrival)))
          .isEqualTo(Float.floatToRawIntBits(expected));
    }
  }

  @Test
  void add_failedEntry_isLeftOut() {
    ExpertOutputs outputs = new ExpertOutputs(2);
    outputs.failed(0, Status.UNAVAILABLE);
    outputs.computed(1, "node", filled(1, 3, 2f), 0);
    F32Matrix sum = filled(1, 3, 1f);
    try (CpuDevice device = new CpuDevice(1)) {
      Combine.add(device, List.of(work(0, 0), work(1, 0)), outputs, sum, 1);
    }
    assertThat(sum.get(0, 2)).isEqualTo(3f);
  }

  @Test
  void sum_wideRowsManyTokens_everyColumnOfEveryTokenOnce() {
    int columns = 2500; // a whole task and a part of one
    ExpertOutputs outputs = new ExpertOutputs(2);
    F32Matrix shared = F32Matrix.allocate(4, columns);
    for (int row = 0; row < 4; row++) {
      for (int column = 0; column < columns; column++) {
        shared.set(row, column, 10 * row + column);
      }
    }
    outputs.computed(0, "node", shared, 1); // rows 1, 2 for tokens 0, 2
    outputs.computed(1, "node", shared, 3); // row 3 for token 2
    F32Matrix sum = filled(4, columns, 7f);
    try (CpuDevice device = new CpuDevice(2)) {
      Combine.sum(device, List.of(work(4, 0, 2), work(6, 2)), outputs, sum, 3);
    }
    for (int column = 0; column < columns; column++) {
      assertThat(sum.get(0, column)).isEqualTo(10 + column);
      assertThat(sum.get(1, column)).isZero();
      assertThat(sum.get(2, column)).isEqualTo(20 + column + 30 + column);
      assertThat(sum.get(3, column)).isEqualTo(7f);
    }
  }

  /** The sum of one token's outputs of experts 0, 1, ..., noted in the order of arrival. */
  private static float sum(List<Float> ofExperts, List<Integer> arrival) {
    List<ExpertTokens> work = new ArrayList<>();
    ExpertOutputs outputs = new ExpertOutputs(ofExperts.size());
    for (int i = 0; i < ofExperts.size(); i++) {
      work.add(work(i, 0));
    }
    for (int i : arrival) {
      outputs.computed(i, "node " + i, filled(1, 1, ofExperts.get(i)), 0);
    }
    F32Matrix sum = F32Matrix.allocate(1, 1);
    try (CpuDevice device = new CpuDevice(2)) {
      Combine.add(device, work, outputs, sum, 1);
    }
    return sum.get(0, 0);
  }

  private static ExpertTokens work(int expert, int... tokens) {
    return new ExpertTokens(expert, tokens, new float[tokens.length]);
  }

  private static F32Matrix filled(int rows, int columns, float value) {
    F32Matrix matrix = F32Matrix.allocate(rows, columns);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix.set(row, column, value);
      }
    }
    return matrix;
  }
}
