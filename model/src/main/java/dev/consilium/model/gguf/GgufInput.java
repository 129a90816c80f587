package dev.consilium.model.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads little-endian numbers and strings one after the other, and never past an end that was
 * given. One thread.
 */
final class GgufInput {

  private static final int BUFFER_BYTES = 1 << 16;

  private final Path file;
  private final FileChannel channel;
  private final long end;
  private final ByteBuffer buffer =
      ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN).flip();

  /** Where in the file the buffer's last byte is followed. */
  private long bufferEnd;

  /** Reads from {@code begin} up to {@code end}, both in bytes into the file. */
  GgufInput(Path file, FileChannel channel, long begin, long end) {
    this.file = file;
    this.channel = channel;
    this.bufferEnd = begin;
    this.end = end;
  }

  /** Bytes into the file. */
  long position() {
    return bufferEnd - buffer.remaining();
  }

  /** Bytes up to the end. */
  long remaining() {
    return end - position();
  }

  int u8(String what) {
    need(1, what);
    return buffer.get() & 0xff;
  }

  int u16(String what) {
    need(2, what);
    return buffer.getShort() & 0xffff;
  }

  long u32(String what) {
    need(4, what);
    return buffer.getInt() & 0xffff_ffffL;
  }

  /** A 64-bit number; negative if it is 2^63 or more. */
  long i64(String what) {
    need(8, what);
    return buffer.getLong();
  }

  float f32(String what) {
    need(4, what);
    return buffer.getFloat();
  }

  double f64(String what) {
    need(8, what);
    return buffer.getDouble();
  }

  /**
   * The length of a string, known to lie before the end.
   *
   * @param most a longer one is refused
   */
  int stringLength(String what, int most) {
    long length = i64(what);
    if (length < 0 || length > remaining()) {
      throw wrong(
          "%s has a length of %s bytes, but only %d follow: the file is truncated or damaged"
              .formatted(what, Long.toUnsignedString(length), remaining()));
    }
    if (length > most) {
      throw wrong("%s has a length of %d bytes, want at most %d".formatted(what, length, most));
    }
    return (int) length;
  }

  String string(String what, int most) {
    return text(stringLength(what, most), what);
  }

  /** The text of a string whose length was read. */
  String text(int length, String what) {
    byte[] bytes = new byte[length];
    read(bytes, length, what);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new GgufException(
          file, "%s at byte %d is not valid UTF-8".formatted(what, position() - bytes.length), e);
    }
  }

  /** Passes over bytes that are known to lie before the end. */
  void skip(long bytes, String what) {
    if (bytes > remaining()) {
      throw ended(bytes, what);
    }
    if (bytes <= buffer.remaining()) {
      buffer.position(buffer.position() + (int) bytes);
    } else {
      bufferEnd = position() + bytes;
      buffer.position(buffer.limit());
    }
  }

  /** The bytes of a string whose length was read, into an array of at least as many. */
  void read(byte[] into, int length, String what) {
    int done = 0;
    while (done < length) {
      if (!buffer.hasRemaining()) {
        need(1, what);
      }
      int count = Math.min(buffer.remaining(), length - done);
      buffer.get(into, done, count);
      done += count;
    }
  }

  private void need(int bytes, String what) {
    if (buffer.remaining() >= bytes) {
      return;
    }
    if (remaining() < bytes) {
      throw ended(bytes, what);
    }
    buffer.compact();
    buffer.limit((int) Math.min(buffer.capacity(), buffer.position() + end - bufferEnd));
    try {
      while (buffer.position() < bytes) {
        int count = channel.read(buffer, bufferEnd);
        if (count < 0) {
          throw wrong("ends at byte %d: it was changed while it was read".formatted(bufferEnd));
        }
        bufferEnd += count;
      }
    } catch (IOException e) {
      throw new GgufException(file, "cannot be read: " + e, e);
    }
    buffer.flip();
  }

  private GgufException ended(long bytes, String what) {
    return wrong(
        "%s needs %d bytes at byte %d, but only %d follow: the file is truncated or damaged"
            .formatted(what, bytes, position(), remaining()));
  }

  GgufException wrong(String problem) {
    return new GgufException(file, problem);
  }
}
