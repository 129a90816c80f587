package dev.consilium.model.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** GGUF files byte by byte, right or wrong; written without the code that is tested. */
final class GgufBytes {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /** A file up to its counts. */
  static GgufBytes begin(int version, long tensors, long keys) {
    return new GgufBytes().ascii("GGUF").u32(version).u64(tensors).u64(keys);
  }

  /** A file of version 3 with one key, whose value is to follow. */
  static GgufBytes key(String key, int type) {
    return begin(3, 0, 1).string(key).u32(type);
  }

  /** A file with one tensor of f32 and nothing else; its data is to follow. */
  static GgufBytes tensor(String name, long... dimensions) {
    return begin(3, 1, 0).info(name, 0, 0, dimensions);
  }

  GgufBytes info(String name, int type, long offset, long... dimensions) {
    string(name).u32(dimensions.length);
    for (long dimension : dimensions) {
      u64(dimension);
    }
    return u32(type).u64(offset);
  }

  GgufBytes ascii(String text) {
    bytes.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  GgufBytes string(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return u64(utf8.length).raw(utf8);
  }

  GgufBytes u8(int value) {
    bytes.write(value);
    return this;
  }

  GgufBytes u32(long value) {
    bytes.write(little(value), 0, 4);
    return this;
  }

  GgufBytes u64(long value) {
    bytes.writeBytes(little(value));
    return this;
  }

  GgufBytes raw(byte... more) {
    bytes.writeBytes(more);
    return this;
  }

  GgufBytes zeros(int count) {
    return raw(new byte[count]);
  }

  /** Zeros up to a multiple. */
  GgufBytes pad(int multiple) {
    return zeros(-bytes.size() & (multiple - 1));
  }

  byte[] bytes() {
    return bytes.toByteArray();
  }

  private static byte[] little(long value) {
    return ByteBuffer.wrap(new byte[8]).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
  }
}
