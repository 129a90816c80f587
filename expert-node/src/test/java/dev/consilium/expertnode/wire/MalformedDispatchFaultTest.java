package dev.consilium.expertnode.wire;

import static dev.consilium.expertnode.wire.ServiceUnderTest.EPOCH;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.consilium.expertnode.Dispatches;
import dev.consilium.expertnode.RouterStream;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExecuteResponse;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import io.grpc.Status;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Everything that can be wrong with a dispatch is an answer on the stream, which goes on. */
class MalformedDispatchFaultTest {

  static Stream<Arguments> cases() {
    return Stream.of(
        wrong(
            "old epoch",
            good().setHidden(tensor().setEpoch(7)),
            Status.Code.FAILED_PRECONDITION,
            "placement epoch 7, node node-a is at 8"),
        wrong(
            "no epoch",
            good().setHidden(tensor().setEpoch(0)),
            Status.Code.FAILED_PRECONDITION,
            "placement epoch 0"),
        malformed("dense layer", good().setLayer(0), "layer 0 has no routed experts"),
        malformed("layer beyond", good().setLayer(-1), "layer 4294967295"),
        wrong(
            "expert not held",
            good().setLayer(2).clearExperts().addExperts(expert(3, 0)),
            Status.Code.NOT_FOUND,
            "layer 2 expert 3 is not on node node-a (holds experts 0-1"),
        malformed("expert beyond", experts(expert(4, 0)), "expert 4 does not exist"),
        malformed("expert negative", experts(expert(-1, 0)), "expert 4294967295 does not exist"),
        malformed("no experts", good().clearExperts(), "names no experts"),
        malformed(
            "expert twice",
            good().clearExperts().addExperts(expert(1, 0)).addExperts(expert(1, 0)),
            "expert 1 follows expert 1"),
        malformed(
            "experts descend",
            good().clearExperts().addExperts(expert(1, 0)).addExperts(expert(0, 0)),
            "expert 0 follows expert 1"),
        malformed("no hidden", good().setHidden(Tensor.newBuilder().setEpoch(EPOCH)), "dtype"),
        malformed("dtype unknown", good().setHidden(tensor().setDtypeValue(77)), "hidden.dtype"),
        malformed(
            "response dtype unset",
            good().setResponseDtype(DType.DTYPE_UNSPECIFIED),
            "response_dtype is DTYPE_UNSPECIFIED"),
        malformed("shape of one", good().setHidden(tensor().clearShape().addShape(4)), "shape [4]"),
        malformed(
            "hidden size",
            good().setHidden(tensor().clearShape().addShape(1).addShape(4)),
            "expected [tokens, 2]"),
        malformed(
            "negative tokens",
            good().setHidden(tensor().clearShape().addShape(-2).addShape(2)),
            "-2 tokens"),
        malformed(
            "too many tokens",
            good().setHidden(tensor().clearShape().addShape(Long.MAX_VALUE).addShape(2)),
            "expected 1 to 16"),
        malformed(
            "dtype and bytes differ",
            good().setHidden(tensor().setDtype(DType.DTYPE_BF16)),
            "hidden has 16 bytes, expected 8"),
        malformed(
            "a byte short",
            good().setHidden(tensor().setData(ByteString.copyFrom(new byte[15]))),
            "hidden has 15 bytes, expected 16"),
        malformed("no tokens of expert", experts(Dispatches.expert(0, new int[0])), "0 tokens"),
        malformed("token doubled", experts(expert(0, 1, 1)), "token row 1 at place 1"),
        malformed("tokens descend", experts(expert(0, 1, 0)), "token row 0 at place 1"),
        malformed("token beyond", experts(expert(0, 2)), "token row 2 at place 0"),
        malformed("token negative", experts(expert(0, -1)), "token row 4294967295"),
        malformed(
            "weight missing", experts(Dispatches.expert(0, new int[] {0, 1}, 1f)), "1 weights"),
        malformed(
            "weight NaN", experts(Dispatches.expert(0, new int[] {0}, Float.NaN)), "weight NaN"),
        malformed(
            "weight infinite",
            experts(Dispatches.expert(0, new int[] {0}, Float.NEGATIVE_INFINITY)),
            "weight -Infinity"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void execute_malformedDispatch_isRefusedAndStreamGoesOn(
      String name, ExecuteRequest request, Status.Code code, String message) throws Exception {
    try (ServiceUnderTest service = new ServiceUnderTest();
        RouterStream router = RouterStream.open(service.channel)) {
      service.weights.allow(1);
      ExecuteResponse refused = router.ask(request);
      assertThat(refused.getId()).isEqualTo(5);
      assertThat(refused.getRefused().getMessage()).contains(message);
      assertThat(refused.getRefused().getCode()).isEqualTo(code.value());
      assertThat(refused.getRefused().getEpoch()).isEqualTo(EPOCH);
      assertThat(service.weights.held).isZero();

      ExecuteResponse computed = router.ask(good().build());
      assertThat(Dispatches.floats(computed.getComputed().getOutputs()))
          .containsExactly(2f, 4f, 6f, 8f);
    }
  }

  private static Arguments malformed(String name, ExecuteRequest.Builder request, String message) {
    return wrong(name, request, Status.Code.INVALID_ARGUMENT, message);
  }

  private static Arguments wrong(
      String name, ExecuteRequest.Builder request, Status.Code code, String message) {
    return Arguments.of(name, request.build(), code, message);
  }

  /** Two tokens for expert 1 of layer 1. */
  private static ExecuteRequest.Builder good() {
    return ExecuteRequest.newBuilder()
        .setId(5)
        .setLayer(1)
        .setHidden(tensor())
        .addExperts(expert(1, 0, 1))
        .setResponseDtype(DType.DTYPE_F32);
  }

  private static Tensor.Builder tensor() {
    return Dispatches.tensor(EPOCH, 2, 1f, 2f, 3f, 4f).toBuilder();
  }

  private static ExecuteRequest.Builder experts(dev.consilium.proto.expert.v1.ExpertTokens named) {
    return good().clearExperts().addExperts(named);
  }

  private static dev.consilium.proto.expert.v1.ExpertTokens expert(int expert, int... tokens) {
    float[] weights = new float[tokens.length];
    java.util.Arrays.fill(weights, 1f);
    return Dispatches.expert(expert, tokens, weights);
  }
}
