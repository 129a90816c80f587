package dev.consilium.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Loads DJL's native tokenizer library once per process, offline.
 *
 * <p>The library lies in DJL's jar and is unpacked (15 MB) into a cache directory before it is
 * loaded: the first of
 *
 * <ol>
 *   <li>the system property {@value #CACHE_PROPERTY}, then the environment variable {@value
 *       #CACHE_VARIABLE};
 *   <li>DJL's own {@code ENGINE_CACHE_DIR} or {@code DJL_CACHE_DIR}, where the environment or a
 *       system property sets them;
 *   <li>{@code .cache/consilium} in {@code user.home}, where that can be written;
 *   <li>a new directory in {@code java.io.tmpdir}, readable by this user only (a fixed name there
 *       would let any local user put his library in our place) and deleted when the JVM ends.
 * </ol>
 *
 * <p>DJL is told to stay offline, to report nothing home, and to take the library for the CPU: on a
 * machine with a GPU it would otherwise look for another build on the network.
 */
final class NativeTokenizers {

  static final String CACHE_PROPERTY = "consilium.native.cache";
  static final String CACHE_VARIABLE = "CONSILIUM_NATIVE_CACHE";

  private static final String DJL_CACHE = "ENGINE_CACHE_DIR";
  private static final ReentrantLock LOADING = new ReentrantLock();

  private NativeTokenizers() {}

  /** The library's entry points. */
  static TokenizersLibrary library() throws TokenizerException {
    LOADING.lock();
    try {
      return load();
    } finally {
      LOADING.unlock();
    }
  }

  private static TokenizersLibrary load() throws TokenizerException {
    setIfAbsent("ai.djl.offline", "true");
    setIfAbsent("OPT_OUT_TRACKING", "true");
    setIfAbsent("RUST_FLAVOR", "cpu");
    Path cache = chooseCache();
    try {
      LibUtils.checkStatus();
      return TokenizersLibrary.LIB;
    } catch (RuntimeException | LinkageError e) {
      throw new TokenizerException(
          cache,
          "cannot unpack or load the native tokenizer library here ("
              + rootMessage(e)
              + "); name a directory that is writable and not mounted noexec with -D"
              + CACHE_PROPERTY
              + " or "
              + CACHE_VARIABLE,
          e);
    }
  }

  private static Path chooseCache() throws TokenizerException {
    Optional<String> set = setting(DJL_CACHE);
    if (set.isPresent()) {
      return Path.of(set.get());
    }
    Optional<String> ours =
        Optional.ofNullable(System.getProperty(CACHE_PROPERTY))
            .or(() -> Optional.ofNullable(System.getenv(CACHE_VARIABLE)))
            .filter(text -> !text.isBlank());
    if (ours.isEmpty() && setting("DJL_CACHE_DIR").isPresent()) {
      return Path.of(setting("DJL_CACHE_DIR").orElseThrow());
    }
    Path cache = ours.isPresent() ? Path.of(ours.get()) : defaultCache(home(), temporary());
    System.setProperty(DJL_CACHE, cache.toAbsolutePath().toString());
    return cache;
  }

  /**
   * A directory below {@code home}, or a private one below {@code temporary} if home cannot be
   * written.
   */
  static Path defaultCache(Path home, Path temporary) throws TokenizerException {
    Path cache = home.resolve(".cache").resolve("consilium");
    try {
      Files.createDirectories(cache);
      if (Files.isWritable(cache)) {
        return cache;
      }
    } catch (IOException unwritableHome) {
      return privateCache(temporary, unwritableHome);
    }
    return privateCache(temporary, new IOException(cache + " is not writable"));
  }

  private static Path privateCache(Path temporary, IOException whyNotHome)
      throws TokenizerException {
    try {
      Path cache = Files.createTempDirectory(temporary, "consilium-native-");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> deleteTree(cache)));
      return cache;
    } catch (IOException e) {
      e.addSuppressed(whyNotHome);
      throw new TokenizerException(
          temporary,
          "neither this directory nor the home directory can be written; name one with -D"
              + CACHE_PROPERTY,
          e);
    }
  }

  /** Best effort at the end of the process: nobody is left to act on a failure. */
  private static void deleteTree(Path directory) {
    try (var paths = Files.walk(directory)) {
      paths.sorted(java.util.Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException e) {
      directory.toFile().deleteOnExit();
    }
  }

  private static Path home() {
    return Path.of(System.getProperty("user.home", "."));
  }

  private static Path temporary() {
    return Path.of(System.getProperty("java.io.tmpdir", "."));
  }

  private static Optional<String> setting(String name) {
    return Optional.ofNullable(System.getenv(name))
        .or(() -> Optional.ofNullable(System.getProperty(name)))
        .filter(text -> !text.isEmpty());
  }

  private static void setIfAbsent(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  private static String rootMessage(Throwable thrown) {
    Throwable root = thrown;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.toString();
  }
}
