package dev.consilium.model.family;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/models.md} says what the declarations say. With the system property {@code
 * consilium.docs=write} the page is written instead of compared.
 */
class ModelsPageTest {

  private static final String COMMAND =
      "./mvnw -pl model -am test -Dtest=ModelsPageTest -Dsurefire.failIfNoSpecifiedTests=false"
          + " -Dconsilium.docs=write";

  private static final Pattern QUOTED_JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @Test
  void page_againstDeclarations_isUpToDate() throws IOException {
    String page = Files.readString(ModelsPage.FILE);
    String refreshed = ModelsPage.refreshed(page);
    if ("write".equals(System.getProperty("consilium.docs"))) {
      Files.writeString(ModelsPage.FILE, refreshed);
      return;
    }
    assertThat(page)
        .as("docs/models.md is stale; this writes it again: %s", COMMAND)
        .isEqualTo(refreshed);
  }

  @Test
  void page_command_isTheOneThatWorks() throws IOException {
    assertThat(Files.readString(ModelsPage.FILE)).contains(COMMAND);
  }

  @Test
  void published_everyFamily_hasAModel() throws IOException {
    assertThat(ModelsPage.published().stringPropertyNames())
        .as(
            "add a line to"
                + " model/src/test/resources/dev/consilium/model/family/published-models.properties")
        .containsAll(ModelFamilies.known());
  }

  /** The worked example is quoted, not retold. */
  @Test
  void page_quotedDeclarations_areInTheSource() throws IOException {
    Path source =
        Fixtures.root()
            .resolve("model/src/main/java/dev/consilium/model/family/GroupedQueryFamilies.java");
    String code = withoutSpace(Files.readString(source));
    Matcher quoted = QUOTED_JAVA.matcher(Files.readString(ModelsPage.FILE));
    int found = 0;
    while (quoted.find()) {
      assertThat(code).contains(withoutSpace(quoted.group(1)));
      found++;
    }
    assertThat(found).isPositive();
  }

  private static String withoutSpace(String code) {
    return code.replaceAll("\\s+", "");
  }
}
