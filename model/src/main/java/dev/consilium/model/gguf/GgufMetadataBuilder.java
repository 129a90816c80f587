package dev.consilium.model.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The metadata of a file to be written, encoded as they come; a key may come once. One thread. */
public final class GgufMetadataBuilder {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final Set<String> keys = new HashSet<>();

  /** A string. */
  public GgufMetadataBuilder text(String key, String value) {
    begin(key, GgufValueType.STRING);
    string(value);
    return this;
  }

  /** An unsigned number of 32 bits. */
  public GgufMetadataBuilder whole(String key, int value) {
    begin(key, GgufValueType.UINT32);
    u32(value);
    return this;
  }

  /** A number of 32 bits with a fraction. */
  public GgufMetadataBuilder real(String key, double value) {
    begin(key, GgufValueType.FLOAT32);
    u32(Float.floatToRawIntBits((float) value));
    return this;
  }

  /** Yes or no. */
  public GgufMetadataBuilder flag(String key, boolean value) {
    begin(key, GgufValueType.BOOL);
    bytes.write(value ? 1 : 0);
    return this;
  }

  /** A list of strings. */
  public GgufMetadataBuilder texts(String key, List<String> values) {
    beginList(key, GgufValueType.STRING, values.size());
    values.forEach(this::string);
    return this;
  }

  /** A list of signed numbers of 32 bits. */
  public GgufMetadataBuilder wholes(String key, int[] values) {
    beginList(key, GgufValueType.INT32, values.length);
    for (int value : values) {
      u32(value);
    }
    return this;
  }

  /** A list of yes or no. */
  public GgufMetadataBuilder flags(String key, List<Boolean> values) {
    beginList(key, GgufValueType.BOOL, values.size());
    values.forEach(value -> bytes.write(value ? 1 : 0));
    return this;
  }

  /** A list of numbers of 32 bits with a fraction. */
  public GgufMetadataBuilder reals(String key, float[] values) {
    beginList(key, GgufValueType.FLOAT32, values.length);
    for (float value : values) {
      u32(Float.floatToRawIntBits(value));
    }
    return this;
  }

  /** A key of another file, as it is there. */
  public GgufMetadataBuilder copy(GgufMetadata source, String key) {
    GgufValue value = source.value(key);
    if (value instanceof GgufValue.Sequence list) {
      beginList(key, list.elementType(), list.count());
      bytes.writeBytes(source.bytes(list));
      return this;
    }
    begin(key, value.type());
    scalar(value);
    return this;
  }

  /** Whether the key has come. */
  public boolean has(String key) {
    return keys.contains(key);
  }

  int count() {
    return keys.size();
  }

  byte[] bytes() {
    return bytes.toByteArray();
  }

  private void scalar(GgufValue value) {
    switch (value) {
      case GgufValue.Whole(GgufValueType type, long whole) ->
          bytes.write(little(whole), 0, type.leastBytes());
      case GgufValue.Real(GgufValueType type, double real) -> {
        long bits =
            type == GgufValueType.FLOAT32
                ? Float.floatToRawIntBits((float) real)
                : Double.doubleToRawLongBits(real);
        bytes.write(little(bits), 0, type.leastBytes());
      }
      case GgufValue.Flag(boolean flag) -> bytes.write(flag ? 1 : 0);
      case GgufValue.Text(String text) -> string(text);
      case GgufValue.Sequence _ -> throw new IllegalArgumentException("a list is no scalar");
    }
  }

  private void begin(String key, GgufValueType type) {
    if (!keys.add(key)) {
      throw new IllegalArgumentException("key " + key + " comes twice");
    }
    string(key);
    u32(type.id());
  }

  private void beginList(String key, GgufValueType type, long count) {
    begin(key, GgufValueType.ARRAY);
    u32(type.id());
    bytes.writeBytes(little(count));
  }

  private void string(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    bytes.writeBytes(little(utf8.length));
    bytes.writeBytes(utf8);
  }

  private void u32(int value) {
    bytes.write(little(value), 0, Integer.BYTES);
  }

  private static byte[] little(long value) {
    return ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
  }
}
