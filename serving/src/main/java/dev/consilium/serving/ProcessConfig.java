package dev.consilium.serving;

import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigValidationException;
import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of one process. Sources, the first that has a key wins:
 *
 * <ol>
 *   <li>command line {@code --consilium.node.port=9200}; {@code --node.port=9200} is the same
 *   <li>system properties
 *   <li>environment, {@code CONSILIUM_NODE_PORT}
 *   <li>the file {@code consilium.properties} in the working directory, or the one that {@code
 *       --config-file=PATH} names
 *   <li>defaults of the {@code @ConfigMapping} interfaces
 * </ol>
 *
 * <p>A key below {@code consilium} that nobody reads stops the start: it is a typing error, and the
 * default it leaves in force would be found much later. A file may serve several processes, so keys
 * of other processes' sections are left alone.
 */
public final class ProcessConfig {

  private static final String ROOT = "consilium.";
  private static final String FILE_OPTION = "--config-file=";
  private static final Path DEFAULT_FILE = Path.of("consilium.properties");

  /** Sections that belong to one kind of process; the others skip them. */
  private static final Set<String> PROCESS_SECTIONS = Set.of("node", "router", "gateway");

  private final SmallRyeConfig config;

  private ProcessConfig(SmallRyeConfig config) {
    this.config = config;
  }

  /**
   * Reads the configuration of this process.
   *
   * @param arguments the command line
   * @param mappings every {@code @ConfigMapping} interface that the process reads
   * @throws ConfigException listing every key that is unknown, missing or has a bad value
   */
  public static ProcessConfig load(List<String> arguments, List<Class<?>> mappings) {
    return load(arguments, System.getProperties(), System.getenv(), mappings);
  }

  static ProcessConfig load(
      List<String> arguments,
      Properties system,
      Map<String, String> environment,
      List<Class<?>> mappings) {
    Map<String, String> commandLine = commandLine(arguments);
    Map<String, String> file = file(arguments);
    Map<String, String> properties = ours(system);
    Set<String> known = known(mappings);
    List<String> problems = new ArrayList<>();
    problems.addAll(unknown("command line", commandLine.keySet(), known));
    problems.addAll(unknown("system property", properties.keySet(), known));
    problems.addAll(unknown("consilium.properties", file.keySet(), known));
    problems.addAll(unknownEnvironment(environment.keySet(), known));
    refuse(problems);
    SmallRyeConfigBuilder builder =
        new SmallRyeConfigBuilder()
            .withSources(
                new PropertiesConfigSource(commandLine, "command line", 500),
                new PropertiesConfigSource(properties, "system properties", 400),
                new EnvConfigSource(environment, 300),
                new PropertiesConfigSource(file, "consilium.properties", 200))
            .withDefaultValue("smallrye.config.mapping.validate-unknown", "false")
            .withConverter(Duration.class, 200, ProcessConfig::duration)
            .addDefaultInterceptors();
    mappings.forEach(builder::withMapping);
    try {
      return new ProcessConfig(builder.build());
    } catch (ConfigValidationException invalid) {
      throw new ConfigException(
          IntStream.range(0, invalid.getProblemCount())
              .mapToObj(i -> withoutCode(invalid.getProblem(i).getMessage()))
              .collect(Collectors.joining("; ")));
    }
  }

  /** The settings of one mapping named in {@link #load}. */
  public <T> T get(Class<T> mapping) {
    return config.getConfigMapping(mapping);
  }

  private static Map<String, String> commandLine(List<String> arguments) {
    Map<String, String> values = new HashMap<>();
    for (String argument : arguments) {
      int equals = argument.indexOf('=');
      if (!argument.startsWith("--") || equals < 3) {
        throw new ConfigException(
            "argument is \"" + argument + "\", expected --key=value, such as --node.port=9200");
      }
      if (!argument.startsWith(FILE_OPTION)) {
        String key = argument.substring(2, equals);
        values.put(key.startsWith(ROOT) ? key : ROOT + key, argument.substring(equals + 1));
      }
    }
    return values;
  }

  private static Map<String, String> file(List<String> arguments) {
    List<Path> named =
        arguments.stream()
            .filter(argument -> argument.startsWith(FILE_OPTION))
            .map(argument -> Path.of(argument.substring(FILE_OPTION.length())))
            .toList();
    if (named.isEmpty() && !Files.exists(DEFAULT_FILE)) {
      return Map.of();
    }
    Path path = named.isEmpty() ? DEFAULT_FILE : named.getLast();
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(path)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException unreadable) {
      throw new ConfigException(
          "cannot read configuration file %s: %s".formatted(path.toAbsolutePath(), unreadable));
    }
    return ours(properties);
  }

  private static Map<String, String> ours(Properties properties) {
    return properties.stringPropertyNames().stream()
        .filter(name -> name.startsWith(ROOT) && !name.equals("consilium.root"))
        .collect(
            Collectors.toMap(name -> name, name -> String.valueOf(properties.getProperty(name))));
  }

  private static Set<String> known(List<Class<?>> mappings) {
    return mappings.stream()
        .map(ConfigMappings.ConfigClass::configClass)
        .flatMap(mapping -> ConfigMappings.getProperties(mapping).keySet().stream())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static List<String> unknown(String source, Set<String> keys, Set<String> known) {
    return keys.stream()
        .sorted()
        .filter(key -> !known.contains(key) && !ofOtherProcess(key, known))
        .map(key -> "unknown key " + key + " (" + source + ")" + suggestion(key, known))
        .toList();
  }

  private static boolean ofOtherProcess(String key, Set<String> known) {
    int end = key.indexOf('.', ROOT.length());
    String section = end < 0 ? "" : key.substring(ROOT.length(), end);
    String prefix = ROOT + section + ".";
    return PROCESS_SECTIONS.contains(section)
        && known.stream().noneMatch(other -> other.startsWith(prefix));
  }

  private static List<String> unknownEnvironment(Set<String> names, Set<String> known) {
    Map<String, String> byName = new HashMap<>();
    known.forEach(key -> byName.put(environmentName(key), key));
    return names.stream()
        .sorted()
        .filter(name -> name.startsWith("CONSILIUM_") && !byName.containsKey(name))
        .filter(name -> !ofOtherProcess(firstSection(name), known))
        .map(name ->
            "unknown variable "
                + name
                + " (environment; where Kubernetes put it there, set enableServiceLinks: false)")
        .toList();
  }

  /** {@code CONSILIUM_ROUTER_MAX_RUNNING} as {@code consilium.router.MAX_RUNNING}. */
  private static String firstSection(String name) {
    return name.replaceFirst("_", ".").replaceFirst("_", ".").toLowerCase(Locale.ROOT);
  }

  private static String environmentName(String key) {
    return key.replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT);
  }

  private static String suggestion(String key, Set<String> known) {
    String last = key.substring(key.lastIndexOf('.') + 1);
    List<String> alike = known.stream().filter(other -> other.endsWith("." + last)).toList();
    return alike.isEmpty() ? "" : ": did you mean " + String.join(" or ", alike) + "?";
  }

  private static void refuse(List<String> problems) {
    if (!problems.isEmpty()) {
      throw new ConfigException(String.join("; ", problems));
    }
  }

  /** {@code "SRCFG00014: The config property ..."}: the code means nothing to who configures us. */
  private static String withoutCode(@Nullable String message) {
    return String.valueOf(message)
        .replaceAll("(java\\.[\\w.]+: )?SRCFG\\d+: ", "")
        .replace(" threw an Exception whilst being converted ", " cannot be read: ");
  }

  /** {@code "20s"}, {@code "500ms"}, {@code "5m"}, {@code "1h"} or ISO 8601. */
  private static Duration duration(String text) {
    String stripped = text.strip().toUpperCase(Locale.ROOT);
    if (stripped.matches("\\d{1,12}MS")) {
      return Duration.ofMillis(Long.parseLong(stripped.substring(0, stripped.length() - 2)));
    }
    if (stripped.matches("\\d{1,12}[SMH]")) {
      return Duration.parse("PT" + stripped);
    }
    try {
      return Duration.parse(stripped);
    } catch (java.time.format.DateTimeParseException malformed) {
      throw new IllegalArgumentException(
          "duration is \"" + text + "\", expected such as 500ms, 20s, 5m", malformed);
    }
  }
}
