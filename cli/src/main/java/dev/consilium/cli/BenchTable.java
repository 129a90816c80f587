package dev.consilium.cli;

import dev.consilium.cli.bench.BenchReport;
import dev.consilium.cli.bench.Machine;
import dev.consilium.cli.bench.ModelFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** A benchmark's report for people. */
final class BenchTable {
  private final BenchReport report;
  private final Style style;

  BenchTable(BenchReport report, Style style) {
    this.report = report;
    this.style = style;
  }

  String print() {
    List<String> lines = new ArrayList<>();
    lines.add(style.bold(name(report.model().path())));
    lines.add(fact("model", model(report.model())));
    lines.add(fact("machine", machine(report.machine())));
    lines.add(fact("computing", "%d threads; %s".formatted(report.engine().threads(), kernels())));
    lines.add(fact("loading", loading(report.load())));
    lines.add(fact("memory", memory()));
    report.readBytesPerSecond().ifPresent(best -> lines.add(fact("reading", reading(best))));
    if (!report.rows().isEmpty()) {
      lines.add("");
      lines.add(
          style.bold(row("", "tokens/s", "min", "max", "weights/step", "weights", "of limit")));
      report.rows().forEach(row -> lines.add(row(row)));
    }
    return String.join("\n", lines);
  }

  private static String name(Path path) {
    Path last = path.toAbsolutePath().normalize().getFileName();
    return String.valueOf(last == null ? path : last);
  }

  private static String model(ModelFile model) {
    return "%s, %s parameters, %s active; %s, %s"
        .formatted(
            model.family(),
            Amounts.count(model.parameters()),
            Amounts.count(model.activeParameters()),
            model.weightType(),
            Amounts.bytes(model.fileBytes()));
  }

  private static String machine(Machine machine) {
    return "%s, %d processors, %s; %s; Java %s"
        .formatted(
            machine.processor(),
            machine.processors(),
            Amounts.bytes(machine.memoryBytes()),
            machine.system(),
            machine.java());
  }

  private String kernels() {
    return "kernels: " + report.engine().kernels();
  }

  private static String loading(BenchReport.Load load) {
    return "weights in %s; ready %s after the start, first token %s after it"
        .formatted(seconds(load.weights()), seconds(load.ready()), seconds(load.firstToken()));
  }

  private static String seconds(Duration time) {
    return String.format(Locale.ROOT, "%.2f s", time.toNanos() / 1e9);
  }

  private String memory() {
    String peak =
        report.peakOverFile().isPresent()
            ? String.format(
                Locale.ROOT,
                "peak %s, %.2f times the file",
                Amounts.bytes(report.load().peakBytes().orElseThrow()),
                report.peakOverFile().getAsDouble())
            : "peak unknown on this system";
    return "%s; KV cache %s of %s"
        .formatted(peak, Amounts.bytes(report.engine().kvCacheBytes()), report.engine().kvDtype());
  }

  private String reading(double best) {
    return "%s GB/s with %d threads: the limit below"
        .formatted(decimal(best / 1e9), report.engine().threads());
  }

  private String row(BenchReport.Row row) {
    BenchReport.Spread speed = row.tokensPerSecond();
    OptionalDouble share = report.shareOfReads(row);
    return row(
        row.workload().name(),
        decimal(speed.median()),
        decimal(speed.min()),
        decimal(speed.max()),
        row.readsWeights() ? Amounts.bytes(row.weightBytesPerStep()) : "-",
        row.readsWeights() ? decimal(row.weightBytesPerSecond().median() / 1e9) + " GB/s" : "-",
        share.isPresent() ? Math.round(100 * share.getAsDouble()) + " %" : "-");
  }

  private static String row(String... cells) {
    return "  %-20s %10s %10s %10s %13s %11s %9s".formatted((Object[]) cells);
  }

  private static String decimal(double value) {
    return String.format(Locale.ROOT, value < 100 ? "%.2f" : "%.1f", value);
  }

  private static String fact(String name, String value) {
    return "  %-12s%s".formatted(name, value);
  }
}
