package dev.consilium.router.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.proto.tensor.v1.DType;
import dev.consilium.proto.tensor.v1.Tensor;
import dev.consilium.tensor.F32Matrix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TensorsTest {
  @Test
  void encode_f32_isLittleEndianRowByRow() {
    Tensor tensor = Tensors.encode(matrix(3, 2), new int[] {2, 0}, RoundTo.F32, 17);
    assertThat(tensor.getDtype()).isEqualTo(DType.DTYPE_F32);
    assertThat(tensor.getShapeList()).containsExactly(2L, 2L);
    assertThat(tensor.getEpoch()).isEqualTo(17);
    ByteBuffer bytes = tensor.getData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    assertThat(bytes.getFloat()).isEqualTo(20);
    assertThat(bytes.getFloat()).isEqualTo(21);
    assertThat(bytes.getFloat()).isEqualTo(0);
    assertThat(bytes.getFloat()).isEqualTo(1);
    assertThat(bytes.hasRemaining()).isFalse();
  }

  @Test
  void encode_bf16_isTheUpperHalf() {
    F32Matrix matrix = F32Matrix.allocate(1, 2);
    matrix.set(0, 0, 1.0f); // 3f80
    matrix.set(0, 1, -2.5f); // c020
    Tensor tensor = Tensors.encode(matrix, new int[] {0}, RoundTo.BF16, 0);
    assertThat(tensor.getDtype()).isEqualTo(DType.DTYPE_BF16);
    assertThat(tensor.getData().toByteArray()).containsExactly(0x80, 0x3f, 0x20, 0xc0);
  }

  @ParameterizedTest
  @EnumSource(RoundTo.class)
  void decode_encoded_givesTheSameBits(RoundTo dtype) {
    SplittableRandom random = new SplittableRandom(1);
    F32Matrix matrix = F32Matrix.allocate(5, 37);
    int[] rows = {0, 1, 2, 3, 4};
    for (int row : rows) {
      for (int column = 0; column < 37; column++) {
        int bits = random.nextInt() & (dtype == RoundTo.BF16 ? 0xffff0000 : -1);
        matrix.set(row, column, Float.intBitsToFloat(bits));
      }
    }
    F32Matrix decoded = Tensors.decode(Tensors.encode(matrix, rows, dtype, 0), 5, 37, dtype);
    for (int row : rows) {
      for (int column = 0; column < 37; column++) {
        assertThat(Float.floatToRawIntBits(decoded.get(row, column)))
            .isEqualTo(Float.floatToRawIntBits(matrix.get(row, column)));
      }
    }
  }

  @Test
  void decode_noRows_isFine() {
    Tensor tensor = tensor(DType.DTYPE_F32, 0, 0, 2).build();
    assertThat(Tensors.decode(tensor, 0, 2, RoundTo.F32).columns()).isEqualTo(2);
  }

  @Test
  void decode_anotherDtypeThanAskedFor_isRefusedNamingBoth() {
    assertRefused(tensor(DType.DTYPE_BF16, 12, 3, 2), "DTYPE_BF16", "DTYPE_F32");
    assertRefused(tensor(DType.DTYPE_UNSPECIFIED, 24, 3, 2), "UNSPECIFIED", "DTYPE_F32");
    assertRefused(tensor(DType.DTYPE_F32, 24, 3, 2).setDtypeValue(99), "99", "DTYPE_F32");
  }

  @Test
  void decode_anotherShapeOrSize_isRefusedNamingBoth() {
    assertRefused(tensor(DType.DTYPE_F32, 16, 2, 2), "[2, 2]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 36, 3, 3), "[3, 3]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 24, 2, 3), "[2, 3]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 24, 6), "[6]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 24, 3, 2, 1), "[3, 2, 1]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 24), "[]", "[3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 23, 3, 2), "23 bytes", "24 bytes");
    assertRefused(tensor(DType.DTYPE_F32, 28, 3, 2), "28 bytes", "24 bytes");
    assertRefused(tensor(DType.DTYPE_F32, 0, 3, 2), "0 bytes", "24 bytes");
    assertRefused(tensor(DType.DTYPE_F32, 24, Long.MAX_VALUE, 2), "expected [3, 2]");
    assertRefused(tensor(DType.DTYPE_F32, 24, -3, -2), "expected [3, 2]");
  }

  private static void assertRefused(Tensor.Builder tensor, String... words) {
    assertThatThrownBy(() -> Tensors.decode(tensor.build(), 3, 2, RoundTo.F32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(words);
  }

  private static Tensor.Builder tensor(DType dtype, int bytes, long... shape) {
    Tensor.Builder tensor =
        Tensor.newBuilder().setDtype(dtype).setData(ByteString.copyFrom(new byte[bytes]));
    for (long dimension : shape) {
      tensor.addShape(dimension);
    }
    return tensor;
  }

  private static F32Matrix matrix(int rows, int columns) {
    F32Matrix matrix = F32Matrix.allocate(rows, columns);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix.set(row, column, 10 * row + column);
      }
    }
    return matrix;
  }
}
