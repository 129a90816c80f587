package dev.consilium.model.family;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.consilium.testkit.Fixtures;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.SortedMap;
import java.util.TreeMap;

/** The file {@code docs/models.md}: text by people around tables by {@link FamilyTables}. */
final class ModelsPage {
  /** As lenient about infinite numbers as what writes configurations. */
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  static final Path FILE = Fixtures.root().resolve("docs/models.md");

  private static final String BEGIN =
      "<!-- tables: generated from the declarations in ModelFamilies, see ModelsPageTest -->\n";
  private static final String END = "<!-- end of the tables -->\n";

  private ModelsPage() {}

  /** The same page with tables as the declarations are now. */
  static String refreshed(String page) throws IOException {
    int begin = page.indexOf(BEGIN);
    int end = page.indexOf(END);
    if (begin < 0 || end < begin) {
      throw new IllegalArgumentException(FILE + " lacks the lines " + BEGIN + " and " + END);
    }
    FamilyTables tables =
        new FamilyTables(ModelFamilies.declarations(), published(), fixturesByFamily());
    return page.substring(0, begin + BEGIN.length())
        + "\n"
        + tables.markdown()
        + "\n"
        + page.substring(end);
  }

  /** Names of published models by family: the one thing that declarations do not say. */
  static Properties published() throws IOException {
    Properties names = new Properties();
    try (InputStream in =
        Objects.requireNonNull(
            ModelsPage.class.getResourceAsStream("published-models.properties"))) {
      names.load(in);
    }
    return names;
  }

  /** The fixtures whose configuration is of a family: those that {@code check} must pass. */
  private static SortedMap<String, List<String>> fixturesByFamily() throws IOException {
    SortedMap<String, List<String>> fixtures = new TreeMap<>();
    for (String name : Fixtures.MODELS) {
      Path config = Fixtures.model(name).resolve("config.json");
      String family = JSON.readTree(Files.readString(config)).get("model_type").asText();
      fixtures.computeIfAbsent(family, first -> new ArrayList<>()).add(name);
    }
    return fixtures;
  }
}
