package dev.consilium.model.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Writes safetensors files: honest ones, and any bytes that claim to be one. */
final class SafetensorsWriter {

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Tensor(String dtype, String shape, byte[] bytes) {}

  private final SortedMap<String, Tensor> tensors = new TreeMap<>();

  SafetensorsWriter add(CheckpointTensor tensor) {
    byte[] bytes = tensor.read(0, (int) tensor.header().byteSize());
    tensors.put(
        tensor.name(), new Tensor(tensor.header().dtype(), tensor.shape().toString(), bytes));
    return this;
  }

  SafetensorsWriter add(String name, String dtype, String shape, byte[] bytes) {
    tensors.put(name, new Tensor(dtype, shape, bytes));
    return this;
  }

  void remove(String name) {
    if (tensors.remove(name) == null) {
      throw new IllegalArgumentException(name);
    }
  }

  void write(Path file) {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    String header =
        tensors.entrySet().stream()
            .map(entry -> {
              Tensor tensor = entry.getValue();
              int begin = data.size();
              data.writeBytes(tensor.bytes());
              return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(entry.getKey(), tensor.dtype(), tensor.shape(), begin, data.size());
            })
            .collect(Collectors.joining(",", "{", "}"));
    write(file, file(header, data.toByteArray()));
  }

  /** A file with any header. */
  static byte[] file(String header, byte[] data) {
    return file(header.getBytes(StandardCharsets.UTF_8), data);
  }

  static byte[] file(byte[] header, byte[] data) {
    return file(header.length, header, data);
  }

  /** A file whose header length is what it is said to be. */
  static byte[] file(long headerLength, byte[] header, byte[] data) {
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(headerLength)
        .put(header)
        .put(data)
        .array();
  }

  static void write(Path file, byte[] content) {
    try {
      Files.write(file, content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
