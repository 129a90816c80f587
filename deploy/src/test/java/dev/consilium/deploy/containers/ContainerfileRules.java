package dev.consilium.deploy.containers;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What must hold of the container file, as far as it can be told without building it.
 *
 * @param version of the images, as the manifests name it
 * @param exists whether the project has a file or folder, by its path from the root
 */
record ContainerfileRules(String version, Predicate<String> exists) {

  /** Last words of each service's entry point, and the ports that it listens on. */
  private static final Map<String, Service> SERVICES =
      Map.of(
          "gateway",
              new Service(List.of("-jar", "gateway/quarkus-run.jar"), "8080 9000", "gateway/"),
          "router",
              new Service(
                  List.of("-cp", "lib/*", "dev.consilium.router.RouterMain"), "9100 9464", "lib/"),
          "expert-node",
              new Service(
                  List.of("-cp", "lib/*", "dev.consilium.expertnode.ExpertNodeMain"),
                  "9200 9464",
                  "lib/"));

  private static final String BUILD = "build";
  private static final String RUNTIME = "runtime";
  private static final String DISTRIBUTION = "/project/cli/target/dist/";
  private static final Pattern PINNED = Pattern.compile("[a-z0-9./-]+:25-(jdk|jre)");
  private static final Pattern USER = Pattern.compile("([1-9][0-9]*):([1-9][0-9]*)");
  private static final List<String> TITLES =
      List.of(
          "org.opencontainers.image.licenses",
          "org.opencontainers.image.version",
          "org.opencontainers.image.vendor");

  private record Service(List<String> command, String ports, String artifact) {}

  /** What is wrong, one sentence each; empty if nothing is. */
  List<String> problems(String text) {
    List<Stage> stages;
    try {
      stages = Stage.read(text);
    } catch (IllegalArgumentException e) {
      return List.of(String.valueOf(e.getMessage()));
    }
    List<String> problems = new ArrayList<>();
    checkNames(stages, problems);
    stages.forEach(stage -> checkBase(stage, stages, problems));
    stages.forEach(stage -> checkCopies(stage, problems));
    find(stages, BUILD).ifPresent(stage -> checkBuild(stage, problems));
    find(stages, RUNTIME).ifPresent(stage -> checkRuntime(stage, problems));
    SERVICES.forEach((name, service) ->
        find(stages, name).ifPresent(stage -> checkService(stage, service, problems)));
    return problems;
  }

  private static Optional<Stage> find(List<Stage> stages, String name) {
    return stages.stream().filter(stage -> stage.name().equals(name)).findFirst();
  }

  private static void checkNames(List<Stage> stages, List<String> problems) {
    Set<String> expected = new java.util.TreeSet<>(SERVICES.keySet());
    expected.add(BUILD);
    expected.add(RUNTIME);
    List<String> found = stages.stream().map(Stage::name).sorted().toList();
    if (!found.equals(List.copyOf(expected))) {
      problems.add("the stages are " + found + ", expected " + expected);
    }
  }

  private static void checkBase(Stage stage, List<Stage> stages, List<String> problems) {
    boolean ours = SERVICES.containsKey(stage.name());
    if (ours && !stage.base().equals(RUNTIME)) {
      problems.add(stage.name() + " starts from " + stage.base() + ", expected " + RUNTIME);
    }
    if (!ours && !PINNED.matcher(stage.base()).matches()) {
      problems.add(
          stage.name() + " starts from " + stage.base() + ", expected a JDK or JRE 25 by tag");
    }
    if (stage.base().contains("alpine")) {
      problems.add(
          stage.name() + " starts from Alpine: the tokenizer's native library needs glibc");
    }
    if (find(stages, stage.base()).isEmpty() && ours) {
      problems.add("there is no stage " + stage.base());
    }
  }

  private void checkCopies(Stage stage, List<String> problems) {
    for (String copy : stage.all("COPY")) {
      List<String> words = new ArrayList<>(List.of(copy.split("\\s+")));
      words.removeLast(); // the target
      boolean built = words.removeIf(word -> word.equals("--from=" + BUILD));
      for (String source : words) {
        if (built ? !source.startsWith(DISTRIBUTION) : !exists.test(source)) {
          problems.add(
              stage.name()
                  + " copies "
                  + source
                  + ", which is neither in the project nor in "
                  + DISTRIBUTION);
        }
      }
    }
    if (!stage.all("ADD").isEmpty()) {
      problems.add(stage.name() + " uses ADD, which fetches and unpacks: use COPY");
    }
  }

  private static void checkBuild(Stage stage, List<String> problems) {
    if (stage.all("RUN").stream()
        .noneMatch(run -> run.contains("./mvnw") && run.contains("package"))) {
      problems.add("build does not run ./mvnw package");
    }
  }

  private void checkRuntime(Stage stage, List<String> problems) {
    String user = stage.last("USER").orElse("root");
    Matcher numbers = USER.matcher(user);
    if (!numbers.matches()) {
      problems.add("the user is " + user + ", expected two numbers above 0");
    }
    String labels = String.join(" ", stage.all("LABEL"));
    for (String title : TITLES) {
      if (!labels.contains(title + "=\"")) {
        problems.add("the label " + title + " is missing");
      }
    }
    if (!labels.contains("image.version=\"" + version + "\"")) {
      problems.add("the label org.opencontainers.image.version is not " + version);
    }
    if (stage.all("COPY").stream()
        .noneMatch(copy -> copy.equals("--from=" + BUILD + " " + DISTRIBUTION + "jvm.args ./"))) {
      problems.add("runtime does not copy " + DISTRIBUTION + "jvm.args, which every service reads");
    }
    if (!stage.all("RUN").isEmpty()) {
      problems.add("runtime runs commands, expected copies only");
    }
  }

  private static void checkService(Stage stage, Service service, List<String> problems) {
    List<String> expected = new ArrayList<>(List.of("java", "@/opt/consilium/jvm.args"));
    expected.addAll(service.command());
    List<String> found = execForm(stage.last("ENTRYPOINT").orElse(""));
    if (!found.equals(expected)) {
      problems.add(stage.name() + " starts " + found + ", expected the exec form of " + expected);
    }
    if (stage.all("COPY").stream()
        .noneMatch(copy -> copy.contains(DISTRIBUTION + service.artifact()))) {
      problems.add(stage.name() + " does not copy " + DISTRIBUTION + service.artifact());
    }
    if (!stage.last("EXPOSE").orElse("").equals(service.ports())) {
      problems.add(stage.name() + " exposes other ports than " + service.ports());
    }
    if (!stage
        .last("ENV")
        .orElse("")
        .matches("JDK_JAVA_OPTIONS=\".*-XX:MaxRAMPercentage=\\d+.*\"")) {
      problems.add(
          stage.name()
              + " does not say in JDK_JAVA_OPTIONS what share of the memory the heap takes");
    }
    if (!String.join(" ", stage.all("LABEL")).contains("org.opencontainers.image.title=\"")) {
      problems.add(stage.name() + " has no label org.opencontainers.image.title");
    }
    if (stage.last("USER").isPresent()) {
      problems.add(stage.name() + " changes the user");
    }
  }

  /** The words of a JSON array; of anything else, the text as it is: the shell form. */
  private static List<String> execForm(String entrypoint) {
    try {
      return List.of(JsonMapper.builder().build().readValue(entrypoint, String[].class));
    } catch (JsonProcessingException shellForm) {
      return List.of("sh", "-c", entrypoint);
    }
  }
}
