package dev.consilium.deploy.manifests;

import dev.consilium.deploy.ProjectFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The manifests of a folder below {@code deploy/kubernetes}, by file name, without its
 * kustomization.
 */
final class BaseFiles {

  static final String KUSTOMIZATION = "kustomization.yaml";

  private BaseFiles() {}

  static Map<String, String> read(String folder) {
    Path directory = ProjectFiles.path("deploy/kubernetes").resolve(folder);
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> paths = Files.list(directory)) {
      for (Path path : paths.filter(path -> path.toString().endsWith(".yaml")).toList()) {
        files.put(path.getFileName().toString(), Files.readString(path));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    files.remove(KUSTOMIZATION);
    return files;
  }
}
