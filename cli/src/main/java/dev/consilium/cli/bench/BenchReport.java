package dev.consilium.cli.bench;

import dev.consilium.router.bench.Timing;
import dev.consilium.router.bench.Workload;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;

/**
 * What a benchmark found out.
 *
 * @param reads how fast memory can be read; empty if only the loading was measured
 * @param rows one for each workload, in the order they ran
 */
public record BenchReport(
    Run run,
    Machine machine,
    ModelFile model,
    Engine engine,
    Load load,
    List<Double> reads,
    List<Row> rows) {

  public BenchReport {
    reads = List.copyOf(reads);
    rows = List.copyOf(rows);
  }

  /**
   * How it was computed.
   *
   * @param kernels what computes
   * @param kvDtype element type of the KV cache
   * @param kvCacheBytes of the KV cache, once all of it is used
   */
  public record Engine(int threads, String kernels, String kvDtype, long kvCacheBytes) {}

  /**
   * What ran.
   *
   * @param version of this program
   * @param warmUp time that each test ran before it was measured, at least
   */
  public record Run(String version, Instant started, Duration warmUp) {}

  /**
   * Until it was ready.
   *
   * @param weights time to open the model and load its weights
   * @param ready time from the start of the process until the weights were there
   * @param firstToken time from the start of the process until one token's logits were there
   * @param peakBytes of memory until the end, without the measuring of memory itself
   */
  public record Load(
      Duration weights, Duration ready, Duration firstToken, OptionalLong peakBytes) {}

  /** All repetitions of one workload. */
  public record Row(Workload workload, List<Timing> timings) {
    public Row {
      timings = List.copyOf(timings);
    }

    public Spread tokensPerSecond() {
      return Spread.of(timings, Timing::tokensPerSecond);
    }

    /** Bytes of weights read in a second. */
    public Spread weightBytesPerSecond() {
      return Spread.of(timings, Timing::weightBytesPerSecond);
    }

    /** Whether the bytes of weights were counted. */
    public boolean readsWeights() {
      return workload instanceof Workload.Decode;
    }

    /** Bytes of weights read in a step, on average. */
    public long weightBytesPerStep() {
      long bytes = timings.stream().mapToLong(Timing::weightBytes).sum();
      return bytes / Math.multiplyExact((long) timings.size(), workload.tokens());
    }
  }

  /** Values in the order they were measured. */
  public record Spread(List<Double> values, double median, double min, double max) {

    static Spread of(List<Timing> timings, ToDoubleFunction<Timing> value) {
      List<Double> values = timings.stream().map(value::applyAsDouble).toList();
      List<Double> sorted = values.stream().sorted().toList();
      int middle = sorted.size() / 2;
      double median =
          sorted.size() % 2 == 1
              ? sorted.get(middle)
              : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
      return new Spread(values, median, sorted.getFirst(), sorted.getLast());
    }
  }

  /** Bytes per second that the machine reads at best. */
  public OptionalDouble readBytesPerSecond() {
    return reads.stream().mapToDouble(Double::doubleValue).max();
  }

  /** The share of the machine's read bandwidth that a row's weights took. */
  public OptionalDouble shareOfReads(Row row) {
    OptionalDouble most = readBytesPerSecond();
    return most.isPresent() && row.readsWeights()
        ? OptionalDouble.of(row.weightBytesPerSecond().median() / most.getAsDouble())
        : OptionalDouble.empty();
  }

  /** Peak memory in multiples of the weight files. */
  public OptionalDouble peakOverFile() {
    return load.peakBytes().isPresent()
        ? OptionalDouble.of((double) load.peakBytes().getAsLong() / model.fileBytes())
        : OptionalDouble.empty();
  }
}
