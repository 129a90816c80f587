package dev.consilium.model.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Reads and checks the header of a safetensors file.
 *
 * <ol>
 *   <li>8 bytes: length of the header, little-endian; at most 100 MB, as in the reference
 *       implementation, and within the file;
 *   <li>the header, a JSON object: name to {@code {dtype, shape, data_offsets}}, and {@code
 *       __metadata__}, texts to texts;
 *   <li>the data: offsets count from its first byte; tensors cover it without gap, overlap or rest.
 * </ol>
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
final class SafetensorsHeader {

  /** Longest header accepted, in bytes. */
  static final long MAX_BYTES = 100_000_000;

  private static final int LENGTH_BYTES = 8;
  private static final int MAX_TENSORS = 1_000_000;
  private static final int MAX_DIMENSIONS = 16;

  /**
   * A tensor and where it lies.
   *
   * @param begin offset in the file of its first byte
   */
  record Entry(TensorHeader header, long begin) {}

  private final Path file;
  private final SortedMap<String, Entry> entries = new TreeMap<>();
  private long dataBegin;
  private long dataBytes;

  private SafetensorsHeader(Path file) {
    this.file = file;
  }

  /** All tensors of an open file, by name. */
  static SortedMap<String, Entry> read(Path file, FileChannel channel) throws IOException {
    SafetensorsHeader header = new SafetensorsHeader(file);
    header.readAll(channel);
    return Collections.unmodifiableSortedMap(header.entries);
  }

  private void readAll(FileChannel channel) throws IOException {
    long length = readLength(channel);
    dataBegin = LENGTH_BYTES + length;
    dataBytes = channel.size() - dataBegin;
    channel.position(LENGTH_BYTES);
    JsonFiles.stream(
        file,
        new Bounded(Channels.newInputStream(channel), length),
        parser -> {
          readTensors(parser);
          return this;
        });
    checkCoverage();
  }

  private long readLength(FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < LENGTH_BYTES) {
      throw wrong("has %d bytes, too few for a safetensors file".formatted(size));
    }
    ByteBuffer bytes = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {
      // until all eight are there
    }
    long length = bytes.getLong(0);
    if (length < 0 || length > MAX_BYTES) {
      throw wrong(
          "header length is %s, want at most %d: not a safetensors file, or damaged"
              .formatted(Long.toUnsignedString(length), MAX_BYTES));
    }
    if (length > size - LENGTH_BYTES) {
      throw wrong(
          "header length is %d, but only %d bytes follow: the file is truncated or damaged"
              .formatted(length, size - LENGTH_BYTES));
    }
    return length;
  }

  private void readTensors(JsonParser parser) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "header");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      if (name.equals("__metadata__")) {
        checkMetadata(parser);
      } else {
        readTensor(parser, name);
      }
      if (entries.size() > MAX_TENSORS) {
        throw wrong("names more than %d tensors".formatted(MAX_TENSORS));
      }
    }
  }

  private void checkMetadata(JsonParser parser) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "__metadata__");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      expect(parser.nextToken(), JsonToken.VALUE_STRING, "__metadata__." + parser.currentName());
    }
  }

  private void readTensor(JsonParser parser, String name) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "tensor " + name);
    String dtype = "";
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      String what = "tensor " + name + ": " + field;
      switch (field) {
        case "dtype" -> {
          expect(parser.nextToken(), JsonToken.VALUE_STRING, what);
          dtype = parser.getText();
        }
        case "shape" -> shape = readSizes(parser, what, MAX_DIMENSIONS);
        case "data_offsets" -> offsets = readSizes(parser, what, 2);
        default -> throw wrong(what + " is not a field of the format");
      }
    }
    if (dtype.isEmpty() || shape == null || offsets == null || offsets.size() != 2) {
      throw wrong(
          "tensor %s: want dtype, shape and two data_offsets, found dtype %s, shape %s, data_offsets %s"
              .formatted(name, dtype.isEmpty() ? "none" : dtype, shape, offsets));
    }
    entries.put(name, entry(name, dtype, shape, offsets.get(0), offsets.get(1)));
  }

  private List<Long> readSizes(JsonParser parser, String what, int most) throws IOException {
    expect(parser.nextToken(), JsonToken.START_ARRAY, what);
    List<Long> sizes = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT
          || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
          || parser.getLongValue() < 0) {
        throw wrong(
            "%s holds %s, want integers from 0 to 2^63 - 1"
                .formatted(what, SafetensorsHeader.shown(parser)));
      }
      if (sizes.size() == most) {
        throw wrong("%s has more than %d entries".formatted(what, most));
      }
      sizes.add(parser.getLongValue());
    }
    return sizes;
  }

  private Entry entry(String name, String dtype, List<Long> shape, long begin, long end) {
    StorageType type =
        StorageType.named(dtype)
            .orElseThrow(() ->
                wrong(
                    "tensor %s: dtype %s is unknown; known are %s"
                        .formatted(name, shorten(dtype), StorageType.known())));
    if (begin > end) {
      throw wrong("tensor %s: data_offsets begin at %d and end at %d".formatted(name, begin, end));
    }
    if (end > dataBytes) {
      throw wrong(
          "tensor %s: data_offsets end at %d, but the file has only %d bytes of data: truncated or damaged"
              .formatted(name, end, dataBytes));
    }
    long bytes = byteSize(name, type, shape);
    if (bytes != end - begin) {
      throw wrong(
          "tensor %s: shape %s of %s takes %d bytes, but data_offsets span %d"
              .formatted(name, shape, type, bytes, end - begin));
    }
    return new Entry(new TensorHeader(name, type.name(), shape, bytes), dataBegin + begin);
  }

  private long byteSize(String name, StorageType type, List<Long> shape) {
    try {
      long bits = shape.stream().reduce((long) type.bits(), Math::multiplyExact);
      if (bits % 8 != 0) {
        throw wrong(
            "tensor %s: shape %s of %s is no whole number of bytes".formatted(name, shape, type));
      }
      return bits / 8;
    } catch (ArithmeticException e) {
      throw new CheckpointException(
          file, "tensor %s: shape %s is too large for any file".formatted(name, shape), e);
    }
  }

  private void checkCoverage() {
    List<Entry> byOffset = new ArrayList<>(entries.values());
    byOffset.sort(
        Comparator.comparingLong(Entry::begin)
            .thenComparingLong(entry -> entry.header().byteSize()));
    long expected = dataBegin;
    for (Entry entry : byOffset) {
      if (entry.begin() != expected) {
        throw wrong(
            "tensor %s begins at data offset %d, want %d: tensors %s"
                .formatted(
                    entry.header().name(),
                    entry.begin() - dataBegin,
                    expected - dataBegin,
                    entry.begin() < expected ? "overlap" : "leave a gap"));
      }
      expected += entry.header().byteSize();
    }
    if (expected != dataBegin + dataBytes) {
      throw wrong(
          "has %d bytes of data, but its tensors take %d"
              .formatted(dataBytes, expected - dataBegin));
    }
  }

  private void expect(JsonToken found, JsonToken wanted, String what) {
    if (found != wanted) {
      throw wrong("%s is %s, want %s".formatted(what, found, wanted));
    }
  }

  private CheckpointException wrong(String problem) {
    return new CheckpointException(file, problem);
  }

  private static String shown(JsonParser parser) throws IOException {
    String text = parser.getText();
    return text == null ? "nothing" : shorten(text);
  }

  private static String shorten(String text) {
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }

  /** The first bytes of a stream, without closing it. */
  private static final class Bounded extends InputStream {

    private final InputStream source;
    private long left;

    Bounded(InputStream source, long limit) {
      this.source = source;
      this.left = limit;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = source.read(into, offset, (int) Math.min(length, left));
      left -= Math.max(count, 0);
      return count;
    }
  }
}
