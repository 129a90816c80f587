package dev.consilium.model.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The metadata of an open file, by key. Asking for a key in a type that it does not have is an
 * error of the file.
 */
public final class GgufMetadata {

  private static final int MAX_SHOWN = 80;

  private final Path file;
  private final FileChannel channel;
  private final Map<String, GgufValue> values;

  GgufMetadata(Path file, FileChannel channel, Map<String, GgufValue> values) {
    this.file = file;
    this.channel = channel;
    this.values = values;
  }

  /** The file that they are in. */
  public Path file() {
    return file;
  }

  /** In the file's order. */
  public Set<String> keys() {
    return values.keySet();
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  /** The value of a key that is there. */
  GgufValue value(String key) {
    GgufValue value = values.get(key);
    if (value == null) {
      throw wrong("metadata key " + key + " is missing");
    }
    return value;
  }

  /** A whole number. */
  public OptionalInt whole(String key, int least, int most) {
    if (!has(key)) {
      return OptionalInt.empty();
    }
    if (!(value(key) instanceof GgufValue.Whole whole)
        || whole.value() < least
        || whole.value() > most) {
      throw unwanted(key, "a whole number from %d to %d".formatted(least, most));
    }
    return OptionalInt.of((int) whole.value());
  }

  /** A finite number. */
  public OptionalDouble real(String key) {
    if (!has(key)) {
      return OptionalDouble.empty();
    }
    if (!(value(key) instanceof GgufValue.Real real) || !Double.isFinite(real.value())) {
      throw unwanted(key, "a finite number with a fraction");
    }
    return OptionalDouble.of(real.value());
  }

  /** Yes or no. */
  public Optional<Boolean> flag(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!(value(key) instanceof GgufValue.Flag(boolean flag))) {
      throw unwanted(key, "true or false");
    }
    return Optional.of(flag);
  }

  /** A string. */
  public Optional<String> text(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!(value(key) instanceof GgufValue.Text(String text))) {
      throw unwanted(key, "a string");
    }
    return Optional.of(text);
  }

  /**
   * A list of strings; empty if the key is missing.
   *
   * @param mostBytes of memory; a list that may take more is refused
   */
  public List<String> texts(String key, int mostBytes) {
    GgufInput input = list(key, Set.of(GgufValueType.STRING), mostBytes);
    String what = "an entry of " + key;
    List<String> texts = new ArrayList<>();
    while (input.remaining() > 0) {
      texts.add(input.string(what, mostBytes));
    }
    return texts;
  }

  /**
   * Where in a list of strings certain ones are, without holding the list in memory; empty if the
   * key is missing.
   *
   * @param most a list that has more of them is refused
   */
  public List<Integer> indicesOf(Set<String> texts, String key, int most) {
    GgufInput input = list(key, Set.of(GgufValueType.STRING), Long.MAX_VALUE);
    Set<ByteBuffer> wanted =
        texts.stream().map(StandardCharsets.UTF_8::encode).collect(Collectors.toSet());
    byte[] entry = new byte[wanted.stream().mapToInt(ByteBuffer::remaining).max().orElse(0)];
    String what = "an entry of " + key;
    List<Integer> indices = new ArrayList<>();
    for (int index = 0; input.remaining() > 0; index++) {
      int length = input.stringLength(what, Integer.MAX_VALUE);
      if (length > entry.length) {
        input.skip(length, what);
        continue;
      }
      input.read(entry, length, what);
      if (wanted.contains(ByteBuffer.wrap(entry, 0, length))) {
        indices.add(index);
      }
      if (indices.size() > most) {
        throw wrong("metadata key %s has more than %d of %s".formatted(key, most, texts));
      }
    }
    return indices;
  }

  /** A list of whole numbers of 32 bits; empty if the key is missing. */
  public int[] wholes(String key, int mostBytes) {
    GgufInput input = list(key, Set.of(GgufValueType.INT32, GgufValueType.UINT32), mostBytes);
    int[] numbers = new int[(int) (input.remaining() / Integer.BYTES)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (int) input.u32(key);
    }
    return numbers;
  }

  /** A list of yes or no; empty if the key is missing. */
  public List<Boolean> flags(String key, int mostBytes) {
    GgufInput input = list(key, Set.of(GgufValueType.BOOL), mostBytes);
    List<Boolean> flags = new ArrayList<>();
    while (input.remaining() > 0) {
      flags.add(input.u8(key) != 0);
    }
    return flags;
  }

  /** A list of numbers of 32 bits; empty if the key is missing. */
  public float[] reals(String key, int mostBytes) {
    GgufInput input = list(key, Set.of(GgufValueType.FLOAT32), mostBytes);
    float[] numbers = new float[(int) (input.remaining() / Float.BYTES)];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = input.f32(key);
    }
    return numbers;
  }

  private GgufInput list(String key, Set<GgufValueType> types, long mostBytes) {
    if (!has(key)) {
      return new GgufInput(file, channel, 0, 0);
    }
    if (!(value(key) instanceof GgufValue.Sequence list)
        || !types.contains(list.elementType())
        || memoryBytes(list) > mostBytes) {
      throw unwanted(
          key, "a list of %s that takes at most %d bytes of memory".formatted(types, mostBytes));
    }
    return new GgufInput(file, channel, list.offset(), list.offset() + list.byteSize());
  }

  private static long memoryBytes(GgufValue.Sequence list) {
    return list.elementType() == GgufValueType.STRING
        ? GgufMemory.ofStrings(list.count(), list.byteSize() - Long.BYTES * list.count())
        : list.byteSize();
  }

  /** The bytes of a list as they are in the file. */
  byte[] bytes(GgufValue.Sequence list) {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(list.byteSize()));
    try {
      while (bytes.hasRemaining()) {
        if (channel.read(bytes, list.offset() + bytes.position()) < 0) {
          throw wrong("ends early: it was changed after it was opened");
        }
      }
      return bytes.array();
    } catch (IOException e) {
      throw new GgufException(file, "cannot be read: " + e, e);
    }
  }

  /** An error about a key that is there. */
  public GgufException unwanted(String key, String want) {
    return wrong("metadata key %s is %s, want %s".formatted(key, shown(value(key)), want));
  }

  /** An error about the file. */
  public GgufException wrong(String problem) {
    return new GgufException(file, problem);
  }

  static String shown(GgufValue value) {
    return switch (value) {
      case GgufValue.Whole(var _, long whole) -> String.valueOf(whole);
      case GgufValue.Real(var _, double real) -> String.valueOf(real);
      case GgufValue.Flag(boolean flag) -> String.valueOf(flag);
      case GgufValue.Text(String text) ->
          "\"" + (text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...") + "\"";
      case GgufValue.Sequence list -> "a list of %d %s".formatted(list.count(), list.elementType());
    };
  }
}
