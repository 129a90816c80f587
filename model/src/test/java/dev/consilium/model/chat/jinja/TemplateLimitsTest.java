package dev.consilium.model.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates and values that are after the process's time, memory or stack. */
class TemplateLimitsTest {

  private static String render(String template, Map<String, ?> variables) {
    return Template.compile(template, Limits.DEFAULT).render(variables, Clock.systemUTC());
  }

  private static void assertLimit(String template, Map<String, ?> variables, String named) {
    assertThatThrownBy(() -> render(template, variables))
        .isInstanceOfSatisfying(
            TemplateException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(TemplateException.Kind.LIMIT);
              assertThat(e.problem()).contains(named);
              assertThat(e.line()).isPositive();
            });
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }} => maxCalls",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }} => maxCalls",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% macro r() %}{% call m() %}{{ r() }}{% endcall %}{% endmacro %}{{ r() }} => max",
        "{{ range(100001) }} => maxRange",
        "{{ range(-9999999999, 9999999999) }} => maxRange",
        "{{ 'x' * 999999999999 }} => maxOutputChars",
        "{{ 'x' * 20000000 }} => maxOutputChars",
        "{{ [0] * 999999999 }} => max",
        "{{ 'x'.ljust(999999999) }} => maxOutputChars",
        "{{ 'x'.zfill(999999999) }} => maxOutputChars",
        "{{ 'x'|center(999999999) }} => maxOutputChars",
        "{{ 'x'|indent(999999999) }} => maxOutputChars",
        "{{ [1]|tojson(indent=999999999) }} => maxOutputChars",
        "{{ [1, 2]|batch(999999999, 0) }} => max",
        "{{ 10 ** 9999 }} => 4096 bits",
        "{{ 2 ** 99999999999999999999 }} => 4096 bits",
        "{% set l = [1] %}{% set _ = l.append(l) %}{{ l }} => maxDepth",
        "{% set l = [1] %}{% set _ = l.append(l) %}{{ l|tojson }} => maxDepth",
        "{% set l = [1] %}{% set _ = l.append(l) %}{% set k = [1] %}{% set _ = k.append(k) %}{{ l == k }} => maxDepth",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %} => max",
        "{% for a in range(99999) %}{% set x = 'x' * 16000000 %}{% endfor %} => max",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %} => maxOutputChars",
        "{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %} => maxOutputChars",
        "{% set ns = namespace(s='xx') %}{% for a in range(99) %}{% set ns.s = ns.s|replace('x', 'xxxxxxxxx') %}{% endfor %} => maxOutputChars",
        "{% set ns = namespace(s='xx') %}{% for a in range(99) %}{% set ns.s = ns.s.join(ns.s) %}{% endfor %} => max",
        "{% set ns = namespace(s=['x']) %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %} => max",
        "{% set ns = namespace(s=['x']) %}{% for a in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }} => max",
        "{% set ns = namespace(s=[]) %}{% for a in range(9999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }} => maxDepth",
        "{% set l = [0] %}{% for a in range(99999) %}{% set _ = l.extend(l) %}{% endfor %} => max",
        "{% set ns = namespace(n=3) %}{% for a in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %} => 4096 bits",
        "{% for a in range(99999) %}{% set x = range(99999)|sort %}{% endfor %} => max",
        "{% for a in range(99999) %}{% set x = range(99999)|unique %}{% endfor %} => max"
      })
  void render_bomb_isStoppedByTheLimit(String template, String named) {
    assertLimit(template, Map.of(), named);
  }

  @ParameterizedTest
  @ValueSource(strings = {"(", "[", "{", "{1:", "not ", "-", "+", "f(", "x[", "1 if ", "a|f("})
  void compile_hundredThousandOpenBrackets_isRefused(String open) {
    assertThatThrownBy(
            () -> Template.compile("{{ " + open.repeat(100_000 / open.length()), Limits.DEFAULT))
        .isInstanceOf(TemplateException.class);
    assertThatThrownBy(() ->
            Template.compile("{{ " + open.repeat(100_000 / open.length()) + " }}", Limits.DEFAULT))
        .isInstanceOf(TemplateException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{% if 1 %}", "{% for x in y %}", "{% macro m() %}", "{% set x %}", "{% for ("})
  void compile_thousandsOfOpenTags_isRefused(String open) {
    assertThatThrownBy(() -> Template.compile(open.repeat(10_000), Limits.DEFAULT))
        .isInstanceOf(TemplateException.class);
    assertThatThrownBy(
            () -> Template.compile("{% for " + "(".repeat(50_000) + "%}", Limits.DEFAULT))
        .isInstanceOf(TemplateException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        " + 1",
        ".x",
        "|string",
        "[0]",
        "()",
        " ~ 'x'",
        " and 1",
        " or 0",
        " == 1",
        " is defined"
      })
  void render_longChainOfOperators_isRenderedOrRefused(String link) {
    String template = "{{ 1" + link.repeat(20_000) + " }}";
    assertThatThrownBy(
            () -> {
              String rendered = render(template, Map.of());
              throw TemplateException.limit(1, "rendered " + rendered.length());
            })
        .isInstanceOf(TemplateException.class);
  }

  @Test
  void compile_sourceTooLong_isRefused() {
    assertThatThrownBy(() -> Template.compile("x".repeat((1 << 20) + 1), Limits.DEFAULT))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("maxTemplateChars");
  }

  @Test
  void render_deeplyNestedValue_isRefused() {
    Object nested = List.of();
    for (int i = 0; i < 5_000; i++) {
      nested = List.of(nested);
    }
    assertLimit("{{ x }}", Map.of("x", nested), "maxDepth");
  }

  @Test
  void render_onSmallStack_isRefusedWithoutCrash() throws InterruptedException {
    AtomicReference<String> outcome = new AtomicReference<>("nothing");
    String template =
        "{% macro m(n) %}{% if 1 %}{% for x in [1] %}{{ [[[m(n + 1)]]]|string }}{% endfor %}{% endif %}"
            + "{% endmacro %}{{ m(0) }}";
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                outcome.set(render(template, Map.of()));
              } catch (TemplateException e) {
                outcome.set(e.kind().name());
              }
            },
            "small stack",
            256 << 10);
    thread.start();
    thread.join();
    assertThat(outcome.get()).isEqualTo("LIMIT");
  }

  @Test
  void render_longConversation_staysWithinDefaults() {
    List<Map<String, Object>> messages = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      messages.add(
          Map.of("role", i % 2 == 0 ? "user" : "assistant", "content", "word ".repeat(200)));
    }
    String template =
        "{% for m in messages[::-1] %}{% if m.content.startswith('x') %}x{% endif %}{% endfor %}"
            + "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}";
    assertThat(render(template, Map.of("messages", messages))).hasSizeGreaterThan(1_900_000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ b in a }}",
        "{{ a.find(b) }}",
        "{{ a.rfind(b) }}",
        "{{ a.count(b) }}",
        "{{ a.split(b)|length }}",
        "{{ a.partition(b)|length }}",
        "{{ a.replace(b, '')|length }}",
        "{{ words.split()|length }}",
        "{{ words.split(none, 99999999)|length }}",
        "{{ words.splitlines()|length }}",
        "{{ words.rsplit(' ')|length }}",
        "{{ words|title|wordcount }}",
        "{{ words.strip()|trim|length }}",
        "{{ blanks.strip()|trim|length }}"
      })
  void render_longTextsMadeToMatchAlmost_takesLinearTime(String template) {
    String half = "a".repeat(400_000);
    Map<String, String> variables =
        Map.of(
            "a", half + half,
            "b", half + "b",
            "words", "w ".repeat(400_000),
            "blanks", " ".repeat(800_000) + "x" + " ".repeat(800_000));
    // 800,000 * 400,000 comparisons would take minutes.
    assertThat(render(template, variables)).isNotEmpty();
  }

  @Test
  void limits_notPositive_areRefused() {
    assertThatThrownBy(() -> new Limits(1, 1, 0, 1, 1, 1, 1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("maxSteps");
  }
}
