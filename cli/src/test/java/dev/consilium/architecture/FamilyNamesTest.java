package dev.consilium.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.family.ModelFamilies;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Services know no family by name: families are declarations, and what services do follows from
 * what those say. Comments may name papers.
 */
final class FamilyNamesTest {

  private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);

  /** Between the words of a name: what is no letter, and where a capital follows a small letter. */
  private static final Pattern BETWEEN_WORDS = Pattern.compile("[^A-Za-z]+|(?<=[a-z])(?=[A-Z])");

  @ParameterizedTest
  @ValueSource(strings = {"router", "expert-node", "gateway"})
  void code_ofServices_namesNoFamily(String module) throws IOException {
    try (Stream<Path> files = Files.walk(Fixtures.root().resolve(module + "/src/main/java"))) {
      List<Path> sources = files.filter(file -> file.toString().endsWith(".java")).toList();
      assertThat(sources).isNotEmpty();
      for (Path source : sources) {
        assertThat(words(source)).as("words of %s", source).doesNotContainAnyElementsOf(families());
      }
    }
  }

  /** The first word of each family's name, without numbers. */
  private static Set<String> families() {
    return ModelFamilies.known().stream()
        .map(type -> type.replaceAll("[^a-z].*", ""))
        .collect(Collectors.toSet());
  }

  private static Set<String> words(Path source) {
    try {
      String code = COMMENT.matcher(Files.readString(source)).replaceAll(" ");
      return Arrays.stream(BETWEEN_WORDS.split(code))
          .map(word -> word.toLowerCase(Locale.ROOT))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
