package dev.consilium.model.gguf;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * An open model: one file, or all parts of a split one. The first part has the metadata; every part
 * says which it is, of how many, and must agree with its name.
 */
public final class GgufModel implements AutoCloseable {

  private static final String SUFFIX = ".gguf";
  private static final String PART = "split.no";
  private static final String PARTS = "split.count";
  private static final String ALL_TENSORS = "split.tensors.count";
  private static final int MAX_PARTS = 1024;
  private static final int MAX_LISTED = 10_000;
  private static final int MAX_VECTOR_BYTES = 1 << 16;
  private static final Pattern SPLIT_NAME =
      Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);

  /** Keys that a part other than the first may have. */
  private static final Set<String> PART_KEYS =
      Set.of(PART, PARTS, ALL_TENSORS, GgufHeader.ALIGNMENT_KEY);

  private final List<GgufFile> files;

  private GgufModel(List<GgufFile> files) {
    this.files = List.copyOf(files);
  }

  /**
   * The GGUF file that a path means: itself, or the only one (the first part of the only split one)
   * in a directory that holds no other model.
   *
   * @return empty if the path means something else, perhaps a model of another format
   * @throws GgufException if a directory holds several
   */
  public static Optional<Path> find(Path path) {
    if (!Files.isDirectory(path)) {
      return isNamed(path) || begins(path) ? Optional.of(path) : Optional.empty();
    }
    if (Files.exists(path.resolve("config.json"))) {
      return Optional.empty();
    }
    List<Path> models = listed(path);
    if (models.size() > 1) {
      throw new GgufException(
          path,
          "holds several GGUF models (%s, %s): name the file"
              .formatted(models.get(0).getFileName(), models.get(1).getFileName()));
    }
    return models.stream().findFirst();
  }

  private static boolean isNamed(Path path) {
    return String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT).endsWith(SUFFIX);
  }

  /** Whether it is a file that begins as GGUF files do; stores name files by their contents. */
  private static boolean begins(Path path) {
    if (!Files.isRegularFile(path)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(path)) {
      byte[] first = in.readNBytes(GgufHeader.MAGIC.length());
      return new String(first, StandardCharsets.ISO_8859_1).equals(GgufHeader.MAGIC);
    } catch (IOException unreadable) {
      return false; // whoever opens it as something else says why
    }
  }

  private static List<Path> listed(Path directory) {
    List<Path> models = new ArrayList<>();
    int seen = 0;
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        if (++seen > MAX_LISTED) {
          throw new GgufException(
              directory, "holds more than " + MAX_LISTED + " files: name the GGUF file");
        }
        Matcher split = SPLIT_NAME.matcher(String.valueOf(entry.getFileName()));
        if (isNamed(entry) && (!split.matches() || Integer.parseInt(split.group(2)) == 1)) {
          models.add(entry);
        }
      }
    } catch (IOException e) {
      throw new GgufException(directory, "cannot be listed: " + e, e);
    }
    models.sort(null);
    return models;
  }

  /**
   * The files of a model by their names alone: all parts, if it is the first of several.
   *
   * @return files that may be missing
   */
  public static List<Path> files(Path first) {
    Matcher name = SPLIT_NAME.matcher(String.valueOf(first.getFileName()));
    if (!name.matches() || Integer.parseInt(name.group(3)) > MAX_PARTS) {
      return List.of(first);
    }
    int parts = Integer.parseInt(name.group(3));
    return IntStream.range(0, parts).mapToObj(part -> part(first, name, part, parts)).toList();
  }

  private static Path part(Path first, Matcher name, int part, int parts) {
    return first.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name.group(1), part + 1, parts));
  }

  /**
   * Opens a file, and the other parts if it is the first of several.
   *
   * @throws GgufException if a file is missing, damaged or does not belong to the others
   */
  public static GgufModel open(Path path) {
    List<GgufFile> files = new ArrayList<>();
    GgufMemory memory = new GgufMemory();
    try {
      files.add(GgufFile.open(path, memory));
      int parts = files.getFirst().metadata().whole(PARTS, 0, MAX_PARTS).orElse(1);
      if (parts > 1) {
        openParts(path, parts, files, memory);
      }
      requireOnce(files);
      return new GgufModel(files);
    } catch (RuntimeException | Error e) {
      files.forEach(GgufFile::close);
      throw e;
    }
  }

  private static void openParts(Path first, int parts, List<GgufFile> files, GgufMemory memory) {
    Matcher name = SPLIT_NAME.matcher(String.valueOf(first.getFileName()));
    if (!name.matches() || Integer.parseInt(name.group(3)) != parts) {
      throw new GgufException(
          first,
          "is one of %d parts, want a name that ends with -00001-of-%05d.gguf"
              .formatted(parts, parts));
    }
    if (Integer.parseInt(name.group(2)) != 1) {
      throw new GgufException(
          first, "is part %s of %d: open the first part".formatted(name.group(2), parts));
    }
    Set<Path> seen = new HashSet<>(Set.of(real(first)));
    requirePart(files.getFirst(), 0, parts);
    for (int part = 1; part < parts; part++) {
      Path file = part(first, name, part, parts);
      if (!Files.exists(file)) {
        throw new GgufException(
            file, "does not exist, but the model has %d parts: fetch it".formatted(parts));
      }
      if (!seen.add(real(file))) {
        throw new GgufException(file, "leads to the same file as another part");
      }
      files.add(GgufFile.open(file, memory));
      requirePart(files.getLast(), part, parts);
      requireOnlyPartKeys(files.getLast());
    }
    requireTensorCount(files);
  }

  private static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      throw new GgufException(path, "cannot be followed: " + e, e);
    }
  }

  private static void requirePart(GgufFile file, int part, int parts) {
    GgufMetadata metadata = file.metadata();
    OptionalInt number = metadata.whole(PART, 0, MAX_PARTS);
    OptionalInt count = metadata.whole(PARTS, 0, MAX_PARTS);
    if (number.isEmpty()
        || number.getAsInt() != part
        || count.isEmpty()
        || count.getAsInt() != parts) {
      throw metadata.wrong(
          "says that it is part %s of %s (from 0), want part %d of %d: it belongs to another model or is misnamed"
              .formatted(text(number), text(count), part, parts));
    }
  }

  private static String text(OptionalInt number) {
    return number.isPresent() ? String.valueOf(number.getAsInt()) : "?";
  }

  private static void requireOnlyPartKeys(GgufFile file) {
    for (String key : file.metadata().keys()) {
      if (!PART_KEYS.contains(key)) {
        throw file.metadata()
            .wrong("is not the first part, but has the metadata key %s".formatted(key));
      }
    }
  }

  private static void requireTensorCount(List<GgufFile> files) {
    OptionalInt stated = files.getFirst().metadata().whole(ALL_TENSORS, 0, Integer.MAX_VALUE);
    int found = files.stream().mapToInt(file -> file.tensors().size()).sum();
    if (stated.isPresent() && stated.getAsInt() != found) {
      throw files
          .getFirst()
          .metadata()
          .wrong(
              "%s is %d, but the parts hold %d: one belongs to another model"
                  .formatted(ALL_TENSORS, stated.getAsInt(), found));
    }
  }

  private static void requireOnce(List<GgufFile> files) {
    Map<String, Path> holders = new HashMap<>();
    for (GgufFile file : files) {
      for (String name : file.tensors().keySet()) {
        Path other = holders.putIfAbsent(name, file.path());
        if (other != null) {
          throw new GgufException(
              file.path(), "tensor " + name + " is also in " + other.getFileName());
        }
      }
    }
  }

  /** Of the whole model. */
  public GgufMetadata metadata() {
    return files.getFirst().metadata();
  }

  /** All parts, the first first. */
  public List<GgufFile> files() {
    return files;
  }

  /** Whether any part has a tensor of that name. */
  public boolean has(String tensor) {
    return files.stream().anyMatch(file -> file.tensors().containsKey(tensor));
  }

  /**
   * A short vector of F32 that belongs to the specification.
   *
   * @return empty if there is no tensor of that name
   * @throws GgufException if it is something else
   */
  List<Float> vector(String tensor) {
    for (GgufFile file : files) {
      GgufTensor found = file.tensors().get(tensor);
      if (found != null) {
        return vector(file, found);
      }
    }
    return List.of();
  }

  private static List<Float> vector(GgufFile file, GgufTensor tensor) {
    if (tensor.type() != GgufTensorType.F32
        || tensor.shape().size() != 1
        || tensor.byteSize() > MAX_VECTOR_BYTES) {
      throw file.metadata()
          .wrong(
              "tensor %s is %s of shape %s, want a short vector of F32"
                  .formatted(tensor.name(), tensor.type(), tensor.shape()));
    }
    GgufInput input =
        new GgufInput(
            file.path(), file.channel(), tensor.begin(), tensor.begin() + tensor.byteSize());
    List<Float> values = new ArrayList<>();
    while (input.remaining() > 0) {
      values.add(input.f32(tensor.name()));
    }
    return values;
  }

  @Override
  public void close() {
    files.forEach(GgufFile::close);
  }
}
