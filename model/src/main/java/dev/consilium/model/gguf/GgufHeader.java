package dev.consilium.model.gguf;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Everything before the tensors' bytes, checked:
 *
 * <ol>
 *   <li>magic, version, and how many tensors and keys there are;
 *   <li>the keys and their values; lists are walked through and left in the file;
 *   <li>the tensors' names, shapes, types and places: aligned, inside the file, none over another.
 * </ol>
 *
 * @param metadata by key, in the file's order
 * @param tensors by name, in the file's order
 */
record GgufHeader(Map<String, GgufValue> metadata, Map<String, GgufTensor> tensors) {

  static final String ALIGNMENT_KEY = "general.alignment";
  static final int DEFAULT_ALIGNMENT = 32;

  /** What files begin with. */
  static final String MAGIC = "GGUF";

  private static final long MAGIC_NUMBER = 0x46554747L; // the first letter in the lowest byte
  private static final int MAX_ALIGNMENT = 1 << 20;
  private static final int MAX_KEYS = 1 << 16;
  private static final int MAX_TENSORS = 1 << 18;
  private static final int MAX_NAME = 1 << 10;
  private static final int MAX_DIMENSIONS = 4;

  /** The largest published strings are copies of a tokenizer file, of some 35 MB. */
  private static final int MAX_STRING = 64 << 20;

  /** Of all keys and values; the largest published ones have some 50 MB. */
  private static final long MAX_METADATA = 256L << 20;

  private static final long MAX_ELEMENTS = 1L << 26;
  private static final long LEAST_KEY_BYTES = 8 + 4 + 1;
  private static final long LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

  GgufHeader {
    metadata = Collections.unmodifiableMap(metadata);
    tensors = Collections.unmodifiableMap(tensors);
  }

  /**
   * Reads one.
   *
   * @param memory of the whole model
   */
  static GgufHeader read(Path file, FileChannel channel, GgufMemory memory) {
    try {
      long size = channel.size();
      return new Reading(new GgufInput(file, channel, 0, size), size, memory).read();
    } catch (IOException e) {
      throw new GgufException(file, "cannot be read: " + e, e);
    }
  }

  /** One pass over a header. */
  private static final class Reading {
    private final GgufInput input;
    private final long fileSize;
    private final GgufMemory memory;
    private final Map<String, GgufValue> metadata = new LinkedHashMap<>();

    Reading(GgufInput input, long fileSize, GgufMemory memory) {
      this.input = input;
      this.fileSize = fileSize;
      this.memory = memory;
    }

    GgufHeader read() {
      magic();
      long tensors = count("tensors", MAX_TENSORS, LEAST_TENSOR_BYTES);
      long keys = count("metadata keys", MAX_KEYS, LEAST_KEY_BYTES);
      for (long i = 0; i < keys; i++) {
        keyAndValue(i);
      }
      int alignment = alignment();
      List<GgufTensor> infos = new ArrayList<>();
      for (long i = 0; i < tensors; i++) {
        infos.add(tensor(i, alignment));
      }
      return new GgufHeader(metadata, placed(infos, alignment));
    }

    private void magic() {
      if (input.remaining() < 4 || input.u32("the magic number") != MAGIC_NUMBER) {
        throw input.wrong("does not begin with GGUF: it is no GGUF file");
      }
      long version = input.u32("the version");
      if ((version & 0xffff) == 0 && version != 0) {
        throw input.wrong(
            "is big-endian (its version reads 0x%08x); only little-endian files are supported"
                .formatted(version));
      }
      if (version != 2 && version != 3) {
        throw input.wrong("is GGUF of version %d, want 2 or 3".formatted(version));
      }
    }

    private long count(String what, long most, long leastBytes) {
      long count = input.i64("the number of " + what);
      if (count < 0 || count > most) {
        throw input.wrong(
            "states %s %s, want at most %d".formatted(Long.toUnsignedString(count), what, most));
      }
      if (count * leastBytes > input.remaining()) {
        throw input.wrong(
            "states %d %s, but only %d bytes follow: the file is truncated or damaged"
                .formatted(count, what, input.remaining()));
      }
      return count;
    }

    private void keyAndValue(long index) {
      String key = string("metadata key " + index, MAX_NAME, GgufMemory.KEY_BYTES);
      GgufValueType type = valueType(key, input.u32("the type of " + key));
      GgufValue value = value(key, type);
      if (input.position() > MAX_METADATA) {
        throw input.wrong(
            "its metadata take more than %d MiB up to key %s: the file is damaged or no model"
                .formatted(MAX_METADATA >> 20, key));
      }
      if (metadata.putIfAbsent(key, value) != null) {
        throw input.wrong("has the metadata key " + key + " twice");
      }
    }

    private GgufValueType valueType(String key, long id) {
      return GgufValueType.ofId(id)
          .orElseThrow(() ->
              input.wrong(
                  "metadata key %s has a value of type %d, want 0 to %d"
                      .formatted(key, id, GgufValueType.values().length - 1)));
    }

    private GgufValue value(String key, GgufValueType type) {
      return switch (type) {
        case UINT8 -> new GgufValue.Whole(type, input.u8(key));
        case INT8 -> new GgufValue.Whole(type, (byte) input.u8(key));
        case UINT16 -> new GgufValue.Whole(type, input.u16(key));
        case INT16 -> new GgufValue.Whole(type, (short) input.u16(key));
        case UINT32 -> new GgufValue.Whole(type, input.u32(key));
        case INT32 -> new GgufValue.Whole(type, (int) input.u32(key));
        case UINT64, INT64 -> new GgufValue.Whole(type, input.i64(key));
        case FLOAT32 -> new GgufValue.Real(type, input.f32(key));
        case FLOAT64 -> new GgufValue.Real(type, input.f64(key));
        case BOOL -> new GgufValue.Flag(flag(key));
        case STRING -> new GgufValue.Text(string("metadata key " + key, MAX_STRING, 0));
        case ARRAY -> sequence(key);
      };
    }

    private boolean flag(String key) {
      int value = input.u8(key);
      if (value > 1) {
        throw input.wrong("metadata key %s is a BOOL of %d, want 0 or 1".formatted(key, value));
      }
      return value == 1;
    }

    /** A string that is kept, with so many bytes of memory around it. */
    private String string(String what, int most, int aroundBytes) {
      int length = input.stringLength(what, most);
      memory.hold(input, what, GgufMemory.ofStrings(1, length) + aroundBytes);
      return input.text(length, what);
    }

    private GgufValue sequence(String key) {
      GgufValueType type = valueType(key, input.u32("the element type of " + key));
      if (type == GgufValueType.ARRAY) {
        throw input.wrong("metadata key " + key + " is a list of lists, which no key is");
      }
      long count = input.i64("the length of " + key);
      if (count < 0 || count > MAX_ELEMENTS || count * type.leastBytes() > input.remaining()) {
        throw input.wrong(
            "metadata key %s is a list of %s %s, want at most %d that fit into the %d bytes that follow"
                .formatted(
                    key, Long.toUnsignedString(count), type, MAX_ELEMENTS, input.remaining()));
      }
      long begin = input.position();
      if (type == GgufValueType.STRING) {
        String what = "an entry of " + key;
        for (long i = 0; i < count; i++) {
          input.skip(input.stringLength(what, MAX_STRING), what);
        }
      } else {
        input.skip(count * type.leastBytes(), key);
      }
      return new GgufValue.Sequence(type, count, begin, input.position() - begin);
    }

    private int alignment() {
      GgufValue stated = metadata.get(ALIGNMENT_KEY);
      if (stated == null) {
        return DEFAULT_ALIGNMENT;
      }
      if (!(stated instanceof GgufValue.Whole whole)
          || whole.value() < 1
          || whole.value() > MAX_ALIGNMENT
          || Long.bitCount(whole.value()) != 1) {
        throw input.wrong(
            "%s is %s, want a power of two up to %d"
                .formatted(ALIGNMENT_KEY, GgufMetadata.shown(stated), MAX_ALIGNMENT));
      }
      return (int) whole.value();
    }

    private GgufTensor tensor(long index, int alignment) {
      String name = string("the name of tensor " + index, MAX_NAME, GgufMemory.TENSOR_BYTES);
      String what = "tensor " + name;
      List<Long> shape = shape(what);
      GgufTensorType type = tensorType(what, input.u32(what + "'s type"));
      long offset = input.i64(what + "'s offset");
      if (offset < 0 || offset % alignment != 0) {
        throw input.wrong(
            "%s begins at byte %s of the data, want a multiple of %d"
                .formatted(what, Long.toUnsignedString(offset), alignment));
      }
      if (shape.getLast() % type.blockElements() != 0) {
        throw input.wrong(
            "%s has rows of %d weights, want a multiple of %d as its type %s asks for"
                .formatted(what, shape.getLast(), type.blockElements(), type));
      }
      GgufTensor tensor = new GgufTensor(name, type, shape, offset);
      try {
        if (Math.addExact(offset, tensor.byteSize()) > fileSize) {
          throw input.wrong(
              "%s %s of shape %s has %d bytes from byte %d of the data, but the whole file has %d: it is truncated or"
                      .formatted(what, type, shape, tensor.byteSize(), offset, fileSize)
                  + " damaged");
        }
      } catch (ArithmeticException tooLarge) {
        throw input.wrong("%s has the absurd shape %s".formatted(what, shape));
      }
      return tensor;
    }

    private List<Long> shape(String what) {
      long dimensions = input.u32(what + "'s number of dimensions");
      if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
        throw input.wrong(
            "%s has %d dimensions, want 1 to %d".formatted(what, dimensions, MAX_DIMENSIONS));
      }
      List<Long> shape = new ArrayList<>();
      for (int i = 0; i < dimensions; i++) {
        long size = input.i64(what + "'s shape");
        if (size < 1) {
          throw input.wrong(
              "%s has a dimension of %s, want at least 1"
                  .formatted(what, Long.toUnsignedString(size)));
        }
        shape.addFirst(size);
      }
      return shape;
    }

    private GgufTensorType tensorType(String what, long id) {
      return GgufTensorType.ofId(id)
          .orElseThrow(() -> input.wrong("%s is of the unknown type %d".formatted(what, id)));
    }

    /** The tensors with their places in the file instead of in the data, which begins here. */
    private Map<String, GgufTensor> placed(List<GgufTensor> infos, int alignment) {
      long data = (input.position() + alignment - 1) / alignment * alignment;
      Map<String, GgufTensor> placed = new LinkedHashMap<>();
      for (GgufTensor info : infos) {
        GgufTensor tensor =
            new GgufTensor(info.name(), info.type(), info.shape(), data + info.begin());
        if (tensor.begin() + tensor.byteSize() > fileSize) {
          throw input.wrong(
              "tensor %s ends at byte %d, but the file has %d: it is truncated"
                  .formatted(tensor.name(), tensor.begin() + tensor.byteSize(), fileSize));
        }
        if (placed.putIfAbsent(tensor.name(), tensor) != null) {
          throw input.wrong("has tensor " + tensor.name() + " twice");
        }
      }
      requireApart(placed);
      return placed;
    }

    private void requireApart(Map<String, GgufTensor> placed) {
      List<GgufTensor> sorted =
          placed.values().stream().sorted(Comparator.comparingLong(GgufTensor::begin)).toList();
      for (int i = 1; i < sorted.size(); i++) {
        GgufTensor before = sorted.get(i - 1);
        if (before.begin() + before.byteSize() > sorted.get(i).begin()) {
          throw input.wrong(
              "tensors %s and %s overlap at byte %d"
                  .formatted(before.name(), sorted.get(i).name(), sorted.get(i).begin()));
        }
      }
    }
  }
}
