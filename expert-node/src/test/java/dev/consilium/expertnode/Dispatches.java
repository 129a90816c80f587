package dev.consilium.expertnode;

import com.google.protobuf.ByteString;
import dev.consilium.proto.expert.v1.ExecuteRequest;
import dev.consilium.proto.expert.v1.ExpertTokens;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Makes dispatches for tests. */
public final class Dispatches {

  private Dispatches() {}

  /** One token, one expert, weight 1. */
  public static ExecuteRequest.Builder one(
      long id, long epoch, int layer, int expert, float... row) {
    return ExecuteRequest.newBuilder()
        .setId(id)
        .setLayer(layer)
        .setHidden(tensor(epoch, row.length, row))
        .addExperts(expert(expert, new int[] {0}, 1f))
        .setResponseDtype(DType.DTYPE_F32);
  }

  public static ExpertTokens expert(int expert, int[] tokens, float... weights) {
    ExpertTokens.Builder named = ExpertTokens.newBuilder().setExpert(expert);
    for (int token : tokens) {
      named.addTokens(token);
    }
    for (float weight : weights) {
      named.addWeights(weight);
    }
    return named.build();
  }

  public static Tensor tensor(long epoch, int columns, float... elements) {
    return Tensor.newBuilder()
        .setDtype(DType.DTYPE_F32)
        .addShape(elements.length / columns)
        .addShape(columns)
        .setData(bytes(elements))
        .setEpoch(epoch)
        .build();
  }

  public static ByteString bytes(float... elements) {
    ByteBuffer buffer = ByteBuffer.allocate(4 * elements.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float element : elements) {
      buffer.putFloat(element);
    }
    return ByteString.copyFrom(buffer.flip());
  }

  public static float[] floats(Tensor tensor) {
    ByteBuffer buffer = tensor.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    float[] elements = new float[buffer.remaining() / 4];
    for (int i = 0; i < elements.length; i++) {
      elements[i] = buffer.getFloat();
    }
    return elements;
  }
}
