package dev.consilium.model.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Writes GGUF files of version 3: into a new file beside the target, which takes the target's place
 * when all is written and on the disk. If anything goes wrong the target stays as it was.
 */
public final class GgufWriter {

  private static final int VERSION = 3;
  private static final int ALIGNMENT = GgufHeader.DEFAULT_ALIGNMENT;

  /**
   * A tensor to be written.
   *
   * @param shape sizes from the outermost dimension; rows are whole blocks of the type
   */
  public record Tensor(String name, GgufTensorType type, List<Long> shape) {

    public Tensor {
      shape = List.copyOf(shape);
      if (shape.isEmpty() || shape.getLast() % type.blockElements() != 0) {
        throw new IllegalArgumentException(
            "tensor %s of shape %s has rows that are no whole blocks of %d weights of %s"
                .formatted(name, shape, type.blockElements(), type));
      }
    }

    /** Bytes in the file. */
    public long byteSize() {
      return type.byteSize(shape.stream().reduce(1L, Math::multiplyExact));
    }
  }

  /** Gives the bytes of the tensors. */
  public interface Content {

    /**
     * Whether a tensor belongs to what {@link #check} reads; such come first.
     *
     * @param tensor of the file
     */
    default boolean describes(Tensor tensor) {
      return false;
    }

    /**
     * Is told of the file with its header and those tensors, and with nothing yet in the others;
     * may refuse by throwing.
     *
     * @param unfinished to be read now only
     */
    default void check(Path unfinished) {}

    /** Writes all bytes of a tensor; called once for each, in the order of the file. */
    void write(Tensor tensor, Sink sink) throws IOException;
  }

  /** Takes the bytes of a tensor, in order. */
  public interface Sink {
    void write(ByteBuffer bytes) throws IOException;
  }

  /** Is told how it goes on, on the thread that writes. */
  public interface Progress {
    /** Somebody who does not want to know. */
    Progress NONE = (bytes, total) -> {};

    /**
     * More is in the file.
     *
     * @param bytes of tensors that are
     * @param total bytes of tensors that will be
     */
    void written(long bytes, long total);
  }

  private final Path target;
  private final GgufMetadataBuilder metadata;
  private final List<Tensor> tensors;

  /**
   * A file to be written.
   *
   * @param target a file that may exist
   * @param tensors in the order of the file
   */
  public GgufWriter(Path target, GgufMetadataBuilder metadata, List<Tensor> tensors) {
    this.target = target;
    this.metadata = metadata;
    this.tensors = List.copyOf(tensors);
    Set<String> names = new HashSet<>();
    for (Tensor tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new IllegalArgumentException("tensor " + tensor.name() + " comes twice");
      }
    }
  }

  /** Bytes of the whole file. */
  public long fileSize() {
    long size = aligned(header().length);
    for (int i = 0; i < tensors.size(); i++) {
      long bytes = tensors.get(i).byteSize();
      size += i < tensors.size() - 1 ? aligned(bytes) : bytes;
    }
    return size;
  }

  /** As {@link #write(Content, Progress)}, with nobody who wants to know how it goes on. */
  public void write(Content content) throws IOException {
    write(content, Progress.NONE);
  }

  /**
   * Writes the file.
   *
   * @throws IOException if it cannot be written; the target is as before
   */
  public void write(Content content, Progress progress) throws IOException {
    Path unfinished = create();
    Thread atExit = new Thread(() -> delete(unfinished), "unfinished-file");
    Runtime.getRuntime().addShutdownHook(atExit); // Ctrl-C ends no try block
    try {
      try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
        writeAll(channel, unfinished, content, progress);
        channel.force(true);
      }
      replaceTarget(unfinished);
    } catch (IOException | RuntimeException | Error e) {
      Files.deleteIfExists(unfinished);
      throw e;
    } finally {
      forget(atExit);
    }
  }

  /** As far as that is possible: nobody is left to be told. */
  private static void delete(Path unfinished) {
    try {
      Files.deleteIfExists(unfinished);
    } catch (IOException e) {
      System.getLogger(GgufWriter.class.getName())
          .log(System.Logger.Level.WARNING, "cannot delete " + unfinished, e);
    }
  }

  private static void forget(Thread atExit) {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException ending) {
      // It runs already; a file that was finished has another name by now.
    }
  }

  private Path create() throws IOException {
    Path name = target.toAbsolutePath().getFileName();
    for (int i = 0; ; i++) {
      Path file = target.toAbsolutePath().resolveSibling("." + name + ".unfinished-" + i);
      try {
        return Files.createFile(file);
      } catch (FileAlreadyExistsException taken) {
        if (i >= 100) {
          throw taken;
        }
      }
    }
  }

  private void replaceTarget(Path unfinished) throws IOException {
    try {
      Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(unfinished, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private void writeAll(FileChannel channel, Path unfinished, Content content, Progress progress)
      throws IOException {
    byte[] header = header();
    writeFully(channel, ByteBuffer.wrap(header));
    long size = fileSize();
    if (size > header.length) {
      channel.write(ByteBuffer.allocate(1), size - 1);
    }
    long total = tensors.stream().mapToLong(Tensor::byteSize).sum();
    long before = 0;
    boolean checked = false;
    long at = aligned(header.length);
    for (Tensor tensor : tensors) {
      if (!checked && !content.describes(tensor)) {
        content.check(unfinished);
        checked = true;
      }
      channel.position(at);
      long first = at;
      long done = before;
      content.write(
          tensor,
          bytes -> {
            writeFully(channel, bytes);
            progress.written(done + channel.position() - first, total);
          });
      if (channel.position() != at + tensor.byteSize()) {
        throw new IllegalStateException(
            "tensor %s got %d bytes, wanted %d"
                .formatted(tensor.name(), channel.position() - at, tensor.byteSize()));
      }
      at += aligned(tensor.byteSize());
      before += tensor.byteSize();
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private byte[] header() {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    header.writeBytes(GgufHeader.MAGIC.getBytes(StandardCharsets.US_ASCII));
    byte[] counts = new byte[20];
    numbers(counts).putInt(VERSION).putLong(tensors.size()).putLong(metadata.count());
    header.writeBytes(counts);
    header.writeBytes(metadata.bytes());
    long offset = 0;
    for (Tensor tensor : tensors) {
      header.writeBytes(info(tensor, offset));
      offset += aligned(tensor.byteSize());
    }
    return header.toByteArray();
  }

  private static byte[] info(Tensor tensor, long offset) {
    byte[] name = tensor.name().getBytes(StandardCharsets.UTF_8);
    List<Long> innermostFirst = tensor.shape().reversed();
    byte[] bytes = new byte[8 + name.length + 4 + 8 * innermostFirst.size() + 4 + 8];
    ByteBuffer info = numbers(bytes);
    info.putLong(name.length).put(name).putInt(innermostFirst.size());
    innermostFirst.forEach(info::putLong);
    info.putInt(tensor.type().id()).putLong(offset);
    return bytes;
  }

  private static ByteBuffer numbers(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
}
