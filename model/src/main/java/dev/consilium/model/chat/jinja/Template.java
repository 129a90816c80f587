package dev.consilium.model.chat.jinja;

import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A template that was read and can be rendered any number of times. */
public final class Template {

  private final List<Statement> body;
  private final Limits limits;

  private Template(List<Statement> body, Limits limits) {
    this.body = body;
    this.limits = limits;
  }

  /**
   * Reads template source.
   *
   * @throws TemplateException of kind {@code SYNTAX} or {@code LIMIT}
   */
  public static Template compile(String source, Limits limits) {
    if (source.length() > limits.maxTemplateChars()) {
      throw TemplateException.limit(
          1,
          "the template has %d characters, the limit is %d (maxTemplateChars)"
              .formatted(source.length(), limits.maxTemplateChars()));
    }
    return new Template(StatementParser.parse(Lexer.tokenize(source), limits.maxNesting()), limits);
  }

  /**
   * Renders.
   *
   * @param variables by name, shaped like JSON: maps with string keys, lists, strings, numbers,
   *     booleans, null; never read as template source
   * @param clock what {@code strftime_now} takes the time and time zone from
   * @throws TemplateException if that fails, see {@link TemplateException.Kind}
   * @throws IllegalArgumentException if a variable is not shaped like JSON
   */
  public String render(Map<String, ? extends @Nullable Object> variables, Clock clock) {
    Run run = new Run(limits, clock);
    try {
      Map<String, Value> values = new LinkedHashMap<>(Globals.ALL);
      variables.forEach((name, value) -> values.put(name, Values.of(run, value)));
      new Interpreter(run).render(body, Scope.outermost(values));
      return run.output();
    } catch (StackOverflowError e) {
      // The bounds on depth are meant to be reached first; a thread with an unusually small stack
      // gets the same answer.
      throw run.limit("nested too deep for this thread's stack; lower maxDepth");
    }
  }
}
