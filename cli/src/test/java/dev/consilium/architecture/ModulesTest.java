package dev.consilium.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.logging.LogManager;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;

/**
 * Modules depend one way, and the libraries stay what they are called. A module is the third part
 * of a package's name: {@code dev.consilium.router.dispatch} is in {@code router}.
 */
@AnalyzeClasses(packages = "dev.consilium", importOptions = DoNotIncludeTests.class)
class ModulesTest {

  private static final String OURS = "dev.consilium.";

  /**
   * Which modules a module may use, beside itself. Services are not in each other's lists: they
   * meet over gRPC.
   */
  private static final Map<String, Set<String>> MAY_USE =
      Map.ofEntries(
          Map.entry("proto", Set.of()),
          Map.entry("tensor", Set.of()),
          Map.entry("placement", Set.of()),
          Map.entry("telemetry", Set.of()),
          Map.entry("model", Set.of("tensor")),
          Map.entry("serving", Set.of("telemetry")),
          Map.entry("testkit", Set.of("model", "tensor")),
          Map.entry(
              "expertnode",
              Set.of("proto", "tensor", "model", "placement", "telemetry", "serving")),
          Map.entry(
              "router", Set.of("proto", "tensor", "model", "placement", "telemetry", "serving")),
          Map.entry("gateway", Set.of("proto", "model", "telemetry", "serving")),
          // Runs a router in its own process (run, chat, check, bench) and the others as processes
          // of
          // theirs.
          Map.entry(
              "cli",
              Set.of("proto", "tensor", "model", "placement", "telemetry", "serving", "router")));

  /**
   * What a pure library must not know: it is about numbers and files, and is used without a server.
   */
  private static final String[] SERVERS = {
    "io.quarkus..",
    "io.grpc..",
    "io.fabric8..",
    "io.vertx..",
    "io.netty..",
    "io.opentelemetry..",
    "com.google.protobuf.."
  };

  @ArchTest static final ArchRule modulesDependOneWay = classes().should(useOnlyModulesTheyMay());

  @ArchTest
  static void everyModuleIsLookedAt(JavaClasses all) {
    Set<String> seen = all.stream().map(ModulesTest::moduleOf).collect(Collectors.toSet());
    assertThat(seen).isEqualTo(MAY_USE.keySet());
  }

  @ArchTest
  static final ArchRule pureLibrariesKnowNoServer =
      noClasses()
          .that()
          .resideInAnyPackage(OURS + "tensor..", OURS + "model..", OURS + "placement..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(SERVERS)
          .because("they are about numbers and files and serve every process alike");

  @ArchTest
  static final ArchRule generatedMessagesStayAtTheEdge =
      noClasses()
          .that()
          .resideOutsideOfPackages(OURS + "proto..", OURS + "*.wire..")
          .should()
          .dependOnClassesThat(areGeneratedMessages())
          .because(
              "wire packages convert them to records of ours; names of services may be used anywhere");

  @ArchTest
  static final ArchRule packagesFormNoCircles =
      slices().matching(OURS + "(*).(*)..").namingSlices("$1.$2").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule packagesAreNullMarked =
      classes()
          .that()
          .resideOutsideOfPackage(OURS + "proto..")
          .should(resideInANullMarkedPackage());

  @ArchTest
  static final ArchRule namesSayWhatThingsAre =
      noClasses()
          .that()
          .areNotAssignableTo(LogManager.class) // the JDK's word for it
          .should()
          .haveSimpleNameEndingWith("Util")
          .orShould()
          .haveSimpleNameEndingWith("Utils")
          .orShould()
          .haveSimpleNameEndingWith("Helper")
          .orShould()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Impl")
          .because("each hides a better noun: pool, queue, planner, ledger, codec, clock");

  private static ArchCondition<JavaClass> useOnlyModulesTheyMay() {
    return new ArchCondition<>("use only modules they may") {
      @Override
      public void check(JavaClass user, ConditionEvents events) {
        String module = moduleOf(user);
        Set<String> allowed = MAY_USE.getOrDefault(module, Set.of());
        if (!MAY_USE.containsKey(module)) {
          events.add(
              SimpleConditionEvent.violated(
                  user, user + " is in module " + module + ", which has no rule here"));
        }
        user.getDirectDependenciesFromSelf().stream()
            .filter(dependency -> dependency.getTargetClass().getPackageName().startsWith(OURS))
            .filter(dependency -> !moduleOf(dependency.getTargetClass()).equals(module))
            .filter(dependency -> !allowed.contains(moduleOf(dependency.getTargetClass())))
            .forEach(dependency ->
                events.add(SimpleConditionEvent.violated(user, dependency.getDescription())));
      }
    };
  }

  private static String moduleOf(JavaClass type) {
    return List.of(type.getPackageName().substring(OURS.length()).split("\\.", -1)).getFirst();
  }

  /**
   * Services' generated classes hold their names, by which health is asked and told; those are no
   * messages.
   */
  private static DescribedPredicate<JavaClass> areGeneratedMessages() {
    return DescribedPredicate.describe(
        "are generated messages",
        type ->
            type.getPackageName().startsWith(OURS + "proto.") && !type.getName().contains("Grpc"));
  }

  private static ArchCondition<JavaClass> resideInANullMarkedPackage() {
    return new ArchCondition<>("reside in a package whose package-info is @NullMarked") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        if (!type.getPackage().isAnnotatedWith(NullMarked.class)) {
          events.add(
              SimpleConditionEvent.violated(
                  type, type.getName() + " is in a package without @NullMarked package-info"));
        }
      }
    };
  }
}
