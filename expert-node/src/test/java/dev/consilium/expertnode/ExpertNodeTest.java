package dev.consilium.expertnode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.placement.Share;
import dev.consilium.proto.expert.v1.AssignRequest;
import dev.consilium.proto.expert.v1.DescribeRequest;
import dev.consilium.proto.expert.v1.DescribeResponse;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.expert.v1.ExpertServiceGrpc;
import dev.consilium.proto.expert.v1.LayerExperts;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.serving.Callbacks;
import dev.consilium.serving.Channels;
import dev.consilium.serving.ConfigException;
import dev.consilium.serving.GrpcLimits;
import dev.consilium.serving.Target;
import dev.consilium.telemetry.Telemetry;
import dev.consilium.telemetry.TelemetryConfig;
import dev.consilium.telemetry.Traceparent;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.F32Matrix;
import dev.consilium.testkit.Fixtures;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A whole node on a loopback port, with a tiny model. */
@Timeout(120)
class ExpertNodeTest {

  private final InMemorySpanExporter spans = InMemorySpanExporter.create();
  private final Telemetry telemetry =
      Telemetry.start(
          TelemetryConfig.withoutExport("expert-node", "test"), SimpleSpanProcessor.create(spans));
  private ExpertNode node;
  private ManagedChannel channel;

  @BeforeEach
  void start() throws Exception {
    ExpertNodeConfig config =
        ExpertNodeConfig.onLoopback(
            Fixtures.model("qwen3-moe"), Optional.of(Share.parse("0/2")), 2);
    node = ExpertNode.start(config, telemetry);
    channel =
        new Channels(GrpcLimits.DEFAULT, telemetry)
            .open(new Target("127.0.0.1", node.port(), false), Callbacks.ON_NETWORK_THREAD);
    node.ready().toCompletableFuture().get(60, TimeUnit.SECONDS);
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    node.close();
    telemetry.close();
  }

  @Test
  void health_loaded_isServingUntilDrained() throws Exception {
    assertThat(health("")).isEqualTo(ServingStatus.SERVING);
    assertThat(health(ExpertServiceGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.SERVING);
    assertThat(node.drain(Duration.ofSeconds(10))).isZero();
    assertThat(health(ExpertServiceGrpc.SERVICE_NAME)).isEqualTo(ServingStatus.NOT_SERVING);
    assertThat(health("")).isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void describe_halfShare_holdsEverySecondExpert() {
    DescribeResponse described = describe();
    assertThat(described.getHeldList()).isNotEmpty();
    assertThat(described.getHeld(0).getExpertsList()).containsExactly(0, 2, 4, 6, 8, 10, 12, 14);
    assertThat(described.getEpoch()).isEqualTo(2);
    assertThat(described.getDevice()).isEqualTo("cpu");
    assertThat(described.getSecondsPerExpertToken()).isGreaterThan(0);
    assertThat(described.getMemoryUsedBytes()).isPositive();
  }

  @Test
  void execute_overLoopback_hasTheBitsOfLocalComputation() throws Exception {
    DescribeResponse described = describe();
    int layer = described.getHeld(0).getLayer();
    int hiddenSize = described.getHiddenSize();
    float[] hidden = gaussians(3 * hiddenSize);
    try (RouterStream router = RouterStream.open(channel)) {
      ExecuteResponse response = router.ask(request(described, hidden).build());
      assertThat(response.getRefused().getMessage()).isEmpty();
      assertThat(Dispatches.floats(response.getComputed().getOutputs()))
          .containsExactly(locally(layer, hiddenSize, hidden));
      assertThat(response.getComputed().getComputeNanos()).isPositive();
    }
  }

  @Test
  void execute_sampledRequest_hasSpanUnderIt() throws Exception {
    DescribeResponse described = describe();
    Span request = telemetry.tracer().spanBuilder("request").startSpan();
    try (RouterStream router = RouterStream.open(channel)) {
      float[] hidden = gaussians(3 * described.getHiddenSize());
      router.ask(
          request(described, hidden)
              .setTraceparent(Traceparent.encode(Context.root().with(request)))
              .build());
      router.ask(request(described, hidden).build());
    }
    List<SpanData> executed =
        spans.getFinishedSpanItems().stream()
            .filter(span -> span.getName().equals("expert.execute"))
            .toList();
    assertThat(executed).hasSize(1);
    SpanData span = executed.getFirst();
    assertThat(span.getTraceId()).isEqualTo(request.getSpanContext().getTraceId());
    assertThat(span.getParentSpanId()).isEqualTo(request.getSpanContext().getSpanId());
    assertThat(span.getAttributes().get(AttributeKey.longArrayKey("experts")))
        .containsExactly(0L, 4L);
    assertThat(span.getAttributes().get(AttributeKey.longKey("tokens"))).isEqualTo(3);
    assertThat(span.getAttributes().get(AttributeKey.longKey("compute_nanos"))).isPositive();
  }

  @Test
  void execute_oversizeMessage_endsThatStreamOnly() throws Exception {
    DescribeResponse described = describe();
    try (RouterStream greedy = RouterStream.open(channel);
        RouterStream modest = RouterStream.open(channel)) {
      int tooMany = (int) (described.getMaxMessageBytes() / Float.BYTES) + 1;
      greedy.send(Dispatches.one(1, described.getEpoch(), 0, 0, new float[tooMany]).build());
      assertThat(greedy.awaitEnd().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      float[] hidden = gaussians(3 * described.getHiddenSize());
      assertThat(modest.ask(request(described, hidden).build()).hasComputed()).isTrue();
    }
  }

  @Test
  void assign_otherHalf_isServedUnderNextEpoch() throws Exception {
    DescribeResponse before = describe();
    int layer = before.getHeld(0).getLayer();
    ExpertServiceGrpc.newBlockingStub(channel)
        .assign(
            AssignRequest.newBuilder()
                .addLoad(LayerExperts.newBuilder().setLayer(layer).addExperts(1))
                .addDrop(LayerExperts.newBuilder().setLayer(layer).addExperts(0))
                .build())
        .forEachRemaining(progress -> assertThat(progress.getExpertsToLoad()).isEqualTo(1));
    DescribeResponse after = describe();
    assertThat(after.getEpoch()).isEqualTo(before.getEpoch() + 1);
    assertThat(after.getMemoryUsedBytes()).isEqualTo(before.getMemoryUsedBytes());
    try (RouterStream router = RouterStream.open(channel)) {
      float[] row = gaussians(after.getHiddenSize());
      assertThat(
              router.ask(Dispatches.one(1, after.getEpoch(), layer, 1, row).build()).hasComputed())
          .isTrue();
      assertThat(
              router
                  .ask(Dispatches.one(2, after.getEpoch(), layer, 0, row).build())
                  .getRefused()
                  .getCode())
          .isEqualTo(Status.Code.NOT_FOUND.value());
    }
  }

  @Test
  void start_portTaken_namesAddress() {
    ExpertNodeConfig free =
        ExpertNodeConfig.onLoopback(Fixtures.model("qwen3-moe"), Optional.empty(), 1);
    ExpertNodeConfig taken =
        new ExpertNodeConfig(
            free.model(),
            new ExpertNodeConfig.Identity(Optional.of("b"), "127.0.0.1", node.port(), 1),
            free.share(),
            free.device(),
            free.limits(),
            free.grpc());
    assertThatThrownBy(() -> ExpertNode.start(taken, telemetry))
        .hasMessageContaining("cannot listen on")
        .hasMessageContaining(String.valueOf(node.port()));
  }

  @Test
  void start_messagesTooSmallForTheModel_leavesNoThreadBehind() {
    ExpertNodeConfig config =
        ExpertNodeConfig.onLoopback(Fixtures.demoModel(), Optional.empty(), 2);
    ExpertNodeConfig small =
        new ExpertNodeConfig(
            config.model(),
            config.identity(),
            config.share(),
            config.device(),
            config.limits(),
            new GrpcLimits(
                1 << 10,
                config.grpc().maxMetadataBytes(),
                config.grpc().flowControlWindowBytes(),
                config.grpc().keepAlive(),
                config.grpc().keepAliveTimeout(),
                config.grpc().maxCallsPerConnection(),
                config.grpc().callTimeout()));
    Set<Thread> before = computeThreads();
    assertThatThrownBy(() -> ExpertNode.start(small, telemetry))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("consilium.grpc.max-message is 1024, expected at least 2048");
    assertThat(before).containsAll(computeThreads());
  }

  private static Set<Thread> computeThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().matches("expert-compute|cpu-.*"))
        .collect(Collectors.toSet());
  }

  @Test
  void start_budgetTooSmall_neverGetsReadyAndNamesBytes() throws Exception {
    ExpertNodeConfig config =
        ExpertNodeConfig.onLoopback(Fixtures.model("qwen3-moe"), Optional.of(Share.WHOLE), 1);
    ExpertNodeConfig small =
        new ExpertNodeConfig(
            config.model(),
            config.identity(),
            config.share(),
            new ExpertNodeConfig.Device(1, 1000),
            config.limits(),
            config.grpc());
    try (ExpertNode poor = ExpertNode.start(small, telemetry)) {
      assertThatThrownBy(() -> poor.ready().toCompletableFuture().get(60, TimeUnit.SECONDS))
          .hasMessageContaining("1000 bytes left");
    }
  }

  private DescribeResponse describe() {
    return ExpertServiceGrpc.newBlockingStub(channel)
        .describe(DescribeRequest.getDefaultInstance());
  }

  private ServingStatus health(String service) {
    return HealthGrpc.newBlockingStub(channel)
        .check(HealthCheckRequest.newBuilder().setService(service).build())
        .getStatus();
  }

  /** Three tokens; expert 0 sees the first and the last, expert 4 the second. */
  private static ExecuteRequest.Builder request(DescribeResponse node, float[] hidden) {
    return ExecuteRequest.newBuilder()
        .setId(1)
        .setLayer(node.getHeld(0).getLayer())
        .setHidden(Dispatches.tensor(node.getEpoch(), node.getHiddenSize(), hidden))
        .addExperts(Dispatches.expert(0, new int[] {0, 2}, 0.25f, 0.5f))
        .addExperts(Dispatches.expert(4, new int[] {1}, 0.75f))
        .setResponseDtype(DType.DTYPE_F32);
  }

  private static float[] locally(int layer, int hiddenSize, float[] hidden) {
    try (Checkpoint checkpoint = Checkpoint.open(Fixtures.model("qwen3-moe"));
        CpuDevice device = new CpuDevice(1);
        ExpertBank bank = new ExpertBank(checkpoint)) {
      bank.load(List.of(new ExpertId(layer, 0), new ExpertId(layer, 4)));
      F32Matrix rows = F32Matrix.allocate(3, hiddenSize);
      for (int row = 0; row < 3; row++) {
        rows.writeRow(
            row, java.util.Arrays.copyOfRange(hidden, row * hiddenSize, (row + 1) * hiddenSize));
      }
      F32Matrix result =
          new ExpertComputation(device)
              .compute(
                  bank,
                  layer,
                  rows,
                  List.of(
                      new ExpertTokens(0, new int[] {0, 2}, new float[] {0.25f, 0.5f}),
                      new ExpertTokens(4, new int[] {1}, new float[] {0.75f})),
                  RoundTo.F32);
      float[] dense = new float[3 * hiddenSize];
      for (int row = 0; row < 3; row++) {
        for (int column = 0; column < hiddenSize; column++) {
          dense[row * hiddenSize + column] = result.get(row, column);
        }
      }
      return dense;
    }
  }

  private static float[] gaussians(int count) {
    Random random = new Random(42);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
