package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.execution.ElementType;
import dev.consilium.expertnode.execution.ExpertRows;
import dev.consilium.expertnode.execution.HiddenStates;
import dev.consilium.expertnode.loading.HeldExperts;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExpertTokens;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import io.grpc.Status;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/**
 * Checks dispatches, field by field; nothing in them is trusted. Pure, but for reading the node's
 * state.
 */
final class DispatchReader {

  private final NodeFacts node;
  private final SortedMap<Integer, Integer> expertCounts;
  private final WireLimits limits;

  DispatchReader(NodeFacts node, SortedMap<Integer, Integer> expertCounts, WireLimits limits) {
    this.node = node;
    this.expertCounts = expertCounts;
    this.limits = limits;
  }

  /** The checked parts of a dispatch. */
  record Read(int layer, HiddenStates hidden, List<ExpertRows> experts, ElementType responseType) {}

  /**
   * Reads a dispatch.
   *
   * @throws RefusedException saying what is wrong with it
   */
  Read read(ExecuteRequest request, HeldExperts held) throws RefusedException {
    Tensor tensor = request.getHidden();
    if (tensor.getEpoch() != held.epoch()) {
      throw new RefusedException(
          Status.Code.FAILED_PRECONDITION,
          "dispatch uses placement epoch %s, node %s is at %d: refresh placement and retry"
              .formatted(Long.toUnsignedString(tensor.getEpoch()), node.name(), held.epoch()));
    }
    int layer = layer(request);
    HiddenStates hidden = hidden(tensor);
    ElementType responseType = elementType("response_dtype", request.getResponseDtype());
    List<ExpertRows> experts = experts(request, layer, hidden.tokens(), held);
    checkAnswerSize(experts, responseType);
    return new Read(layer, hidden, experts, responseType);
  }

  private int layer(ExecuteRequest request) throws RefusedException {
    int layer = request.getLayer();
    if (!expertCounts.containsKey(layer)) {
      throw malformed(
          "layer %s has no routed experts, expected one of %s"
              .formatted(Integer.toUnsignedString(layer), expertCounts.keySet()));
    }
    return layer;
  }

  private HiddenStates hidden(Tensor tensor) throws RefusedException {
    ElementType type = elementType("hidden.dtype", tensor.getDtype());
    if (tensor.getShapeCount() != 2 || tensor.getShape(1) != node.hiddenSize()) {
      throw malformed(
          "hidden has shape %s, expected [tokens, %d]".formatted(shape(tensor), node.hiddenSize()));
    }
    long tokens = tensor.getShape(0);
    if (tokens < 1 || tokens > limits.tokens()) {
      throw malformed(
          "hidden has %d tokens, expected 1 to %d: split the dispatch"
              .formatted(tokens, limits.tokens()));
    }
    long wanted = tokens * node.hiddenSize() * type.bytes();
    if (tensor.getData().size() != wanted) {
      throw malformed(
          "hidden has %d bytes, expected %d for shape [%d, %d] of %s"
              .formatted(tensor.getData().size(), wanted, tokens, node.hiddenSize(), type));
    }
    MemorySegment bytes = MemorySegment.ofBuffer(tensor.getData().asReadOnlyByteBuffer());
    return new HiddenStates(type, (int) tokens, node.hiddenSize(), bytes);
  }

  /** A hostile shape may have a million dimensions. */
  private static String shape(Tensor tensor) {
    return tensor.getShapeCount() > 8
        ? tensor.getShapeCount() + " dimensions"
        : tensor.getShapeList().toString();
  }

  private static ElementType elementType(String field, DType dtype) throws RefusedException {
    return switch (dtype) {
      case DTYPE_F32 -> ElementType.F32;
      case DTYPE_BF16 -> ElementType.BF16;
      case DTYPE_UNSPECIFIED, UNRECOGNIZED ->
          throw malformed(field + " is " + dtype + ", expected DTYPE_F32 or DTYPE_BF16");
    };
  }

  private List<ExpertRows> experts(ExecuteRequest request, int layer, int tokens, HeldExperts held)
      throws RefusedException {
    if (request.getExpertsCount() == 0) {
      throw malformed("dispatch for layer %d names no experts".formatted(layer));
    }
    int count = expertCounts.getOrDefault(layer, 0);
    List<ExpertRows> experts = new ArrayList<>(Math.min(request.getExpertsCount(), count));
    int before = -1;
    for (ExpertTokens named : request.getExpertsList()) {
      int expert = named.getExpert();
      if (expert < 0 || expert >= count) {
        throw malformed(
            "layer %d expert %s does not exist, the model has %d there"
                .formatted(layer, Integer.toUnsignedString(expert), count));
      }
      if (expert <= before) {
        throw malformed(
            "layer %d expert %d follows expert %d, expected ascending experts, each once"
                .formatted(layer, expert, before));
      }
      before = expert;
      checkHeld(layer, expert, held);
      experts.add(rows(named, layer, tokens));
    }
    return experts;
  }

  private void checkHeld(int layer, int expert, HeldExperts held) throws RefusedException {
    if (!held.holds(layer, expert)) {
      throw new RefusedException(
          Status.Code.NOT_FOUND,
          "layer %d expert %d is not on node %s (holds %s there at placement epoch %d): refresh placement and retry"
              .formatted(
                  layer,
                  expert,
                  node.name(),
                  HeldExperts.ranges(held.ofLayer(layer)),
                  held.epoch()));
    }
  }

  private static ExpertRows rows(ExpertTokens named, int layer, int tokens)
      throws RefusedException {
    String where = "layer %d expert %d".formatted(layer, named.getExpert());
    int count = named.getTokensCount();
    if (count < 1 || count > tokens || named.getWeightsCount() != count) {
      throw malformed(
          "%s has %d tokens and %d weights, expected as many of each, 1 to %d"
              .formatted(where, count, named.getWeightsCount(), tokens));
    }
    int[] rows = new int[count];
    float[] weights = new float[count];
    for (int i = 0; i < count; i++) {
      int row = named.getTokens(i);
      if (row < 0 || row >= tokens || (i > 0 && row <= rows[i - 1])) {
        throw malformed(
            "%s names token row %s at place %d, expected ascending rows below %d, each once"
                .formatted(where, Integer.toUnsignedString(row), i, tokens));
      }
      float weight = named.getWeights(i);
      if (!Float.isFinite(weight)) {
        throw malformed(
            "%s has weight %s for token row %d, expected a finite one"
                .formatted(where, weight, row));
      }
      rows[i] = row;
      weights[i] = weight;
    }
    return new ExpertRows(named.getExpert(), rows, weights);
  }

  private void checkAnswerSize(List<ExpertRows> experts, ElementType type) throws RefusedException {
    long assignments = experts.stream().mapToLong(ExpertRows::count).sum();
    long bytes = assignments * node.hiddenSize() * type.bytes();
    if (bytes > limits.answerBytes()) {
      throw malformed(
          "the answer has %d rows, %d bytes, expected at most %d: split the dispatch"
              .formatted(assignments, bytes, limits.answerBytes()));
    }
  }

  private static RefusedException malformed(String message) {
    return new RefusedException(Status.Code.INVALID_ARGUMENT, message);
  }
}
