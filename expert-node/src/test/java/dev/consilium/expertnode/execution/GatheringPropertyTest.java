package dev.consilium.expertnode.execution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.expertnode.loading.LeasedBank;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.tensor.Bf16;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.testkit.Fixtures;
import dev.consilium.testkit.Seeds;
import io.opentelemetry.context.Context;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A dispatch gets the same bits alone and gathered with others. */
class GatheringPropertyTest {

  private static final int LAYER = 1;

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void outputsOf_anyGathering_equalsAlone(int threads) {
    Random random = new Random(Seeds.seed());
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen3-moe"));
        CpuDevice device = new CpuDevice(threads);
        LeasedBank bank = new LeasedBank(checkpoint, new TreeMap<>(Map.of(LAYER, 16)), device)) {
      NavigableSet<Integer> experts = new TreeSet<>(IntStream.range(0, 16).boxed().toList());
      bank.load(new TreeMap<>(Map.of(LAYER, experts)), _ -> true);
      int hiddenSize = checkpoint.spec().hiddenSize();
      for (int round = 0; round < 25; round++) {
        List<Dispatch> dispatches = new ArrayList<>();
        for (int i = 0; i < 1 + random.nextInt(9); i++) {
          dispatches.add(dispatch(random, hiddenSize));
        }
        List<byte[]> together = compute(bank, dispatches, hiddenSize);
        for (int i = 0; i < dispatches.size(); i++) {
          byte[] alone = compute(bank, List.of(dispatches.get(i)), hiddenSize).getFirst();
          assertThat(together.get(i)).as("round %d dispatch %d", round, i).isEqualTo(alone);
        }
      }
    }
  }

  private static List<byte[]> compute(
      LayerComputation computation, List<Dispatch> dispatches, int hiddenSize) {
    GatheredBatch batch = GatheredBatch.of(dispatches);
    F32Matrix hidden = F32Matrix.allocate(batch.tokens() + 3, hiddenSize);
    batch.copyHidden(hidden);
    F32Matrix result = computation.compute(batch.layer(), hidden, batch.work());
    List<byte[]> outputs = new ArrayList<>();
    for (int i = 0; i < dispatches.size(); i++) {
      outputs.add(batch.outputsOf(i, result));
    }
    return outputs;
  }

  private static Dispatch dispatch(Random random, int hiddenSize) {
    int tokens = 1 + random.nextInt(20);
    ElementType type = random.nextBoolean() ? ElementType.F32 : ElementType.BF16;
    ElementType answer = random.nextBoolean() ? ElementType.F32 : ElementType.BF16;
    List<ExpertRows> experts = new ArrayList<>();
    while (experts.isEmpty()) {
      for (int expert = 0; expert < 16; expert++) {
        if (random.nextInt(3) == 0) {
          experts.add(rows(random, expert, tokens));
        }
      }
    }
    return new Dispatch(
        (_, _) -> {},
        new Dispatch.Envelope(1, LAYER, 1, answer, 0, Long.MAX_VALUE, Context.root()),
        new HiddenStates(type, tokens, hiddenSize, elements(random, type, tokens * hiddenSize)),
        experts,
        () -> {});
  }

  private static ExpertRows rows(Random random, int expert, int tokens) {
    int[] chosen =
        random.ints(0, tokens).limit(1 + random.nextInt(tokens)).distinct().sorted().toArray();
    float[] weights = new float[chosen.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = random.nextFloat();
    }
    return new ExpertRows(expert, chosen, weights);
  }

  private static MemorySegment elements(Random random, ElementType type, int count) {
    byte[] bytes = new byte[count * type.bytes()];
    MemorySegment segment = MemorySegment.ofArray(bytes);
    for (int i = 0; i < count; i++) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case F32 -> segment.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i, value);
        case BF16 -> segment.setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Bf16.fromFloat(value));
      }
    }
    return segment;
  }
}
