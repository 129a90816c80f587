package dev.consilium.tensor.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.tensor.DType;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Blocks mean what the reference implementation says: see golden/blocks/README.md. */
class BlockFormatGoldenTest {

  @Test
  void dequantise_goldenBlocks_givesTheSameBits() throws Exception {
    Set<DType> seen = new HashSet<>();
    for (String line : lines()) {
      List<String> fields = List.of(line.split(" ", -1));
      DType dtype = DType.valueOf(fields.getFirst());
      BlockFormat format = dtype.format().orElseThrow();
      byte[] block = HexFormat.of().parseHex(fields.get(1));
      assertThat(block).hasSize(format.bytes());
      float[] expected = floats(HexFormat.of().parseHex(fields.get(2)));
      float[] actual = new float[format.elements()];
      format.dequantise(MemorySegment.ofArray(block), 0, actual, 0);
      assertThat(actual).as(dtype.name()).isEqualTo(expected);
      seen.add(dtype);
    }
    assertThat(seen).hasSize(7);
  }

  private static List<String> lines() throws Exception {
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(
                BlockFormatGoldenTest.class.getResourceAsStream("/golden/blocks/blocks.txt"),
                StandardCharsets.US_ASCII))) {
      return reader.lines().toList();
    }
  }

  private static float[] floats(byte[] bytes) {
    float[] floats = new float[bytes.length / 4];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats);
    return floats;
  }
}
