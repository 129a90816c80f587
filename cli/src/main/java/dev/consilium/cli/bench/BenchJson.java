package dev.consilium.cli.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.router.bench.Workload;
import java.time.temporal.ChronoUnit;

/** A report for programs. What is not known is left out. Bytes, seconds, and units by name. */
public final class BenchJson {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private BenchJson() {}

  public static String of(BenchReport report) {
    ObjectNode tree = MAPPER.createObjectNode();
    tree.put("consilium", report.run().version());
    tree.put("started", report.run().started().truncatedTo(ChronoUnit.SECONDS).toString());
    tree.put("warmUpSeconds", report.run().warmUp().toNanos() / 1e9);
    machine(tree.putObject("machine"), report);
    model(tree.putObject("model"), report.model());
    load(tree.putObject("load"), report);
    report.rows().forEach(row -> row(tree.withArray("tests").addObject(), report, row));
    try {
      return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
    } catch (JsonProcessingException impossible) {
      throw new IllegalStateException(
          "a tree of numbers and texts could not be written", impossible);
    }
  }

  private static void machine(ObjectNode tree, BenchReport report) {
    Machine machine = report.machine();
    tree.put("processor", machine.processor());
    tree.put("processors", machine.processors());
    tree.put("memoryBytes", machine.memoryBytes());
    tree.put("system", machine.system());
    tree.put("java", machine.java());
    tree.put("threads", report.engine().threads());
    tree.put("kernels", report.engine().kernels());
    report
        .readBytesPerSecond()
        .ifPresent(best -> {
          tree.put("readBytesPerSecond", best);
          tree.set("readBytesPerSecondValues", MAPPER.valueToTree(report.reads()));
        });
  }

  private static void model(ObjectNode tree, ModelFile model) {
    tree.put("path", model.path().toString());
    tree.put("family", model.family());
    tree.put("parameters", model.parameters());
    tree.put("activeParameters", model.activeParameters());
    tree.put("weightType", model.weightType());
    tree.set("bytesByType", MAPPER.valueToTree(model.bytesByType()));
    tree.put("fileBytes", model.fileBytes());
  }

  private static void load(ObjectNode tree, BenchReport report) {
    BenchReport.Load load = report.load();
    tree.put("weightsSeconds", load.weights().toNanos() / 1e9);
    tree.put("readySeconds", load.ready().toNanos() / 1e9);
    tree.put("firstTokenSeconds", load.firstToken().toNanos() / 1e9);
    tree.put("kvDtype", report.engine().kvDtype());
    tree.put("kvCacheBytes", report.engine().kvCacheBytes());
    load.peakBytes().ifPresent(bytes -> tree.put("peakMemoryBytes", bytes));
    report.peakOverFile().ifPresent(ratio -> tree.put("peakOverFile", ratio));
  }

  private static void row(ObjectNode tree, BenchReport report, BenchReport.Row row) {
    Workload workload = row.workload();
    tree.put("test", workload.name());
    switch (workload) {
      case Workload.Prefill prefill -> tree.put("promptTokens", prefill.tokens());
      case Workload.Decode decode -> tree.put("generatedTokens", decode.tokens());
    }
    tree.put("sequences", workload.sequences());
    tree.put("depth", workload.depth());
    tree.set("tokensPerSecond", MAPPER.valueToTree(row.tokensPerSecond()));
    if (row.readsWeights()) {
      tree.put("weightBytesPerStep", row.weightBytesPerStep());
      tree.set("weightBytesPerSecond", MAPPER.valueToTree(row.weightBytesPerSecond()));
    }
    report.shareOfReads(row).ifPresent(share -> tree.put("shareOfReadBandwidth", share));
  }
}
