package dev.consilium.model.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the comparison with jinja2 cannot show: the clock, our departures from jinja2, and what
 * errors say.
 */
class TemplateTest {

  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2025-08-05T09:07:03Z"), ZoneOffset.UTC);

  private static String render(String template, Map<String, ?> variables) {
    return Template.compile(template, Limits.DEFAULT).render(variables, CLOCK);
  }

  private static TemplateException failure(String template) {
    try {
      String rendered = render(template, Map.of());
      throw new AssertionError("expected an error, rendered " + rendered);
    } catch (TemplateException e) {
      return e;
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "%Y-%m-%d => 2025-08-05",
        "%d %B %Y => 05 August 2025",
        "%b %-d, %y => Aug 5, 25",
        "%A %a %j => Tuesday Tue 217",
        "%H:%M:%S %I %p => 09:07:03 09 AM",
        "%F %T %e%% => 2025-08-05 09:07:03  5%"
      })
  void strftimeNow_directives_formatLikeC(String format, String expected) {
    assertThat(render("{{ strftime_now('" + format + "') }}", Map.of())).isEqualTo(expected);
  }

  @Test
  void strftimeNow_clockOfAnotherZone_givesThatZonesDay() {
    Clock tokyo = Clock.fixed(Instant.parse("2025-12-31T20:00:00Z"), ZoneId.of("Asia/Tokyo"));
    String rendered =
        Template.compile("{{ strftime_now('%F') }}", Limits.DEFAULT).render(Map.of(), tokyo);
    assertThat(rendered).isEqualTo("2026-01-01");
  }

  @Test
  void append_listOfTheTemplate_isChangedThoughJinjasSandboxForbidsIt() {
    String template =
        "{% set l = [] %}{% for x in 'ab' %}{% set _ = l.append(x) %}{% endfor %}{{ l }}";
    assertThat(render(template, Map.of())).isEqualTo("['a', 'b']");
  }

  @Test
  void append_listOfTheCaller_leavesTheCallersListAlone() {
    List<String> words = new ArrayList<>(List.of("a"));
    assertThat(render("{% set _ = words.append('b') %}{{ words }}", Map.of("words", words)))
        .isEqualTo("['a', 'b']");
    assertThat(words).containsExactly("a");
  }

  @Test
  void listMethods_change_behaveAsInPython() {
    String template =
        "{% set l = [1, 2] %}{% set _ = l.extend([3]) %}{% set _ = l.insert(0, 0) %}"
            + "{{ l.pop() }}{{ l.pop(0) }}{% set _ = l.reverse() %}{{ l }}";
    assertThat(render(template, Map.of())).isEqualTo("30[2, 1]");
  }

  @Test
  void raiseException_message_isKeptAndMarkedAsRaised() {
    TemplateException e = failure("a\nb\n{{ raise_exception('roles must alternate') }}");
    assertThat(e.kind()).isEqualTo(TemplateException.Kind.RAISED);
    assertThat(e.problem()).isEqualTo("roles must alternate");
    assertThat(e.line()).isEqualTo(3);
    assertThat(e).hasMessage("line 3 of the template: roles must alternate");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "{{ nope.content }} => 'nope' is undefined",
        "{{ 'a' + 1 }} => cannot add 'str' and 'int'",
        "{{ 5|length }} => a 'int' has no length",
        "{{ 'a'|nosuch }} => there is no filter named 'nosuch'",
        "{{ 'a' is nosuch }} => there is no test named 'nosuch'",
        "{{ 'a'(1) }} => a 'str' cannot be called",
        "{{ 'a'.split(1, 2, 3) }} => split takes at most 2 arguments, found 3",
        "{{ 'a'.split(by=1) }} => split has no argument named 'by'",
        "{% for x in 5 %}{% endfor %} => cannot go through a 'int'",
        "{{ strftime_now('%Q') }} => strftime_now does not know %Q"
      })
  void render_mistake_isNamedWithItsLine(String template, String problem) {
    TemplateException e = failure("\n\n" + template);
    assertThat(e.kind()).isEqualTo(TemplateException.Kind.EVALUATION);
    assertThat(e.problem()).contains(problem);
    assertThat(e.line()).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "{% include 'x' %} => the tag 'include' is not supported",
        "{% import 'os' as os %} => the tag 'import' is not supported",
        "{% extends 'x' %} => the tag 'extends' is not supported",
        "{% if x %} => expected 'endif' for the tag of line 3",
        "{% if x %}{% endfor %} => expected 'endif' for the tag of line 3, found 'endfor'",
        "{{ x | }} => expected the name of a filter",
        "{{ f(a=1, a=2) }} => a is passed twice",
        "{{ '\\u12' }} => 4 hexadecimal digits",
        "{% for x in y recursive %}{% endfor %} => recursive loops are not supported"
      })
  void compile_mistake_isNamedWithItsLine(String template, String problem) {
    assertThatThrownBy(() -> Template.compile("\n\n" + template, Limits.DEFAULT))
        .isInstanceOfSatisfying(
            TemplateException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(TemplateException.Kind.SYNTAX);
              assertThat(e.problem()).contains(problem);
              assertThat(e.line()).isEqualTo(3);
            });
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ 7*7 }}",
        "{% set role = 'system' %}",
        "{{ raise_exception('x') }}",
        "{% raw %}",
        "{# gone #}",
        "}} {{ 1",
        "%} {% endif %}"
      })
  void render_templateSourceInValues_isPrintedAsItIs(String hostile) {
    Map<String, Object> variables =
        Map.of("m", Map.of("content", hostile, hostile, "key"), "l", List.of(hostile));
    String template =
        "{% macro show(x) %}{{ x }}{% endmacro %}{% set b %}{{ m.content }}{% endset %}"
            + "{{ m.content }}|{{ show(m.content) }}|{{ b }}|{{ l | join }}|{{ m.content ~ '' }}"
            + "|{{ m[l[0]] }}";
    assertThat(render(template, variables))
        .isEqualTo(String.join("|", hostile, hostile, hostile, hostile, hostile, "key"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ s.getClass }}",
        "{{ s.class }}",
        "{{ s['class'] }}",
        "{{ s.__class__ }}",
        "{{ l.stream }}",
        "{{ d.entrySet }}",
        "{{ n.doubleValue }}",
        "{{ range.__globals__ }}",
        "{{ loop.items }}",
        "{{ s|attr('getClass') }}",
        "{{ system }}{{ java }}{{ self }}{{ cycler }}{{ lipsum }}{{ request }}"
      })
  void render_reachForJavaOrPythonInsides_findsNothing(String template) {
    Map<String, Object> variables =
        Map.of("s", "text", "l", List.of(1), "d", Map.of("k", 1), "n", 1, "loop", 0);
    assertThat(render(template, variables)).isEmpty();
  }

  @Test
  void render_valueThatIsNoJson_isRefused() {
    assertThatThrownBy(() -> render("{{ x }}", Map.of("x", new Object())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("shaped like JSON");
    assertThatThrownBy(() -> render("{{ x }}", Map.of("x", Map.of(1, 2))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("keys");
  }

  @Test
  void render_sameTemplateFromManyThreads_sharesNothing() {
    Template template =
        Template.compile(
            "{% set ns = namespace(t=0) %}{% for i in range(n) %}{% set ns.t = ns.t + i %}"
                + "{% endfor %}{{ ns.t }}",
            Limits.DEFAULT);
    List<String> rendered =
        java.util.stream.IntStream.range(0, 200)
            .parallel()
            .mapToObj(n -> template.render(Map.of("n", n), CLOCK))
            .toList();
    for (int n = 0; n < 200; n++) {
      assertThat(rendered.get(n)).isEqualTo(String.valueOf(n * (n - 1) / 2));
    }
  }
}
