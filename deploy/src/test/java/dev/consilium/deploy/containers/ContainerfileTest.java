package dev.consilium.deploy.containers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.deploy.ProjectFiles;
import java.nio.file.Files;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ContainerfileTest {

  private static final String FILE = ProjectFiles.text("deploy/containers/Containerfile");
  private static final ContainerfileRules RULES =
      new ContainerfileRules(projectVersion(), path -> Files.exists(ProjectFiles.path(path)));

  @Test
  void containerfile_asItIs_keepsEveryRule() {
    assertThat(RULES.problems(FILE)).isEmpty();
  }

  /** One mistake at a time in a good file: each must be found, and named. */
  @ParameterizedTest(name = "{0} becomes {1}")
  @CsvSource(
      delimiter = '|',
      emptyValue = "",
      value = {
        "FROM eclipse-temurin:25-jre AS runtime | FROM eclipse-temurin:latest AS runtime | expected a JDK or JRE 25 by tag",
        "FROM eclipse-temurin:25-jre AS runtime | FROM eclipse-temurin:25-jre-alpine AS runtime | needs glibc",
        "FROM runtime AS router | FROM build AS router | router starts from build, expected runtime",
        "FROM runtime AS router | FROM runtime AS routers | the stages are",
        "FROM runtime AS router | FROM runtime | expected FROM base AS name",
        "USER 10001:10001 | USER consilium | the user is consilium",
        "USER 10001:10001 | USER 0:0 | the user is 0:0",
        "USER 10001:10001 | # | the user is root",
        "COPY LICENSE NOTICE ./ | COPY LICENCE NOTICE ./ | runtime copies LICENCE",
        "COPY LICENSE NOTICE ./ | ADD LICENSE NOTICE ./ | uses ADD",
        "/project/cli/target/dist/gateway/ | /project/gateway/target/app/ | gateway copies /project/gateway/target/app/",
        "dist/gateway/ gateway/ | dist/lib/ gateway/ | gateway does not copy /project/cli/target/dist/gateway/",
        "dist/jvm.args ./ | dist/light.args ./ | runtime does not copy /project/cli/target/dist/jvm.args",
        "quarkus-run.jar | gateway.jar | gateway starts",
        "dev.consilium.router.RouterMain | dev.consilium.router.Main | router starts",
        "'ENTRYPOINT [\"java\"' | 'ENTRYPOINT java [\"java\"' | starts [sh, -c,",
        "EXPOSE 9100 9464 | EXPOSE 9100 | router exposes other ports",
        "MaxRAMPercentage=60 | UseSerialGC | gateway does not say in JDK_JAVA_OPTIONS",
        "image.licenses | image.license | the label org.opencontainers.image.licenses is missing",
        "image.version=\"0 | image.version=\"9 | org.opencontainers.image.version is not",
        "image.title=\"Consilium router\" | image.name=\"router\" | router has no label",
        "./mvnw | mvn | build does not run ./mvnw package",
        "EXPOSE 9200 9464 | USER 0 | expert-node changes the user",
        "WORKDIR /opt/consilium | RUN apt-get update | runtime runs commands",
      })
  void rules_oneMistake_isNamed(String good, String bad, String expected) {
    assertThat(FILE).contains(good);
    int at = FILE.indexOf(good);
    String broken = FILE.substring(0, at) + bad + FILE.substring(at + good.length());
    assertThat(RULES.problems(broken))
        .anySatisfy(problem -> assertThat(problem).contains(expected));
  }

  @Test
  void images_inManifests_haveTheVersionOfTheProject() {
    for (String service : List.of("gateway", "router", "expert-node")) {
      assertThat(ProjectFiles.text("deploy/kubernetes/base/" + service + ".yaml"))
          .contains("image: consilium/" + service + ":" + projectVersion() + "\n");
    }
  }

  /** Without {@code -SNAPSHOT}: images are named by the version that they lead to. */
  private static String projectVersion() {
    return first("<artifactId>consilium</artifactId>\\s*<version>([^<]*)</version>")
        .replace("-SNAPSHOT", "");
  }

  private static String first(String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(ProjectFiles.text("pom.xml"));
    assertThat(matcher.find()).as(pattern + " in pom.xml").isTrue();
    return matcher.group(1);
  }
}
