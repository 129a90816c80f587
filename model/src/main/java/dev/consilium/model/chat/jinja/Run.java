package dev.consilium.model.chat.jinja;

import dev.consilium.model.chat.jinja.TemplateException.Kind;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The state of one rendering that is not a variable: where it is, what it has used of its {@link
 * Limits}, what it has written, and the clock.
 *
 * <p>Threading: one thread.
 */
final class Run {

  private final Limits limits;
  private final Clock clock;
  private final Deque<StringBuilder> outputs = new ArrayDeque<>();
  private int line = 1;
  private long steps;
  private long allocatedChars;
  private int depth;
  private int calls;

  Run(Limits limits, Clock clock) {
    this.limits = limits;
    this.clock = clock;
    outputs.push(new StringBuilder());
  }

  Clock clock() {
    return clock;
  }

  Limits limits() {
    return limits;
  }

  /** Goes one level deeper, to something on {@code newLine}; {@link #leave} goes back. */
  void enter(int newLine) {
    line = newLine;
    enter();
  }

  /** Says which line errors are to name. */
  void at(int newLine) {
    line = newLine;
  }

  void enter() {
    step(1);
    if (++depth > limits.maxDepth()) {
      throw limit(
          "evaluation or a value is nested more than "
              + limits.maxDepth()
              + " deep (maxDepth): endless recursion, or a value that contains itself?");
    }
  }

  void leave() {
    depth--;
  }

  void enterCall() {
    if (++calls > limits.maxCalls()) {
      throw limit(
          "more than "
              + limits.maxCalls()
              + " macro calls inside one another (maxCalls): endless recursion?");
    }
  }

  void leaveCall() {
    calls--;
  }

  void step(long count) {
    steps += count;
    if (steps > limits.maxSteps()) {
      throw limit(
          "took more than "
              + limits.maxSteps()
              + " steps (maxSteps): shorten the conversation or raise the limit");
    }
  }

  /** Accounts for going through {@code chars} characters. */
  void scan(long chars) {
    step(1 + chars / Limits.CHARS_PER_STEP);
  }

  /** Accounts for a text of {@code chars} characters, before it is made. */
  void allocateText(long chars) {
    requireLength(chars);
    allocate(chars);
    scan(chars);
  }

  /** Refuses a text that is too long. */
  void requireLength(long chars) {
    if (chars > limits.maxOutputChars()) {
      throw limit(
          "a text of "
              + chars
              + " characters is longer than the limit of "
              + limits.maxOutputChars()
              + " (maxOutputChars): shorten the conversation or raise the limit");
    }
  }

  /** Accounts for a list or dict of {@code count} elements, before it is made. */
  void allocateElements(long count) {
    step(count);
    allocate(count * Limits.CHARS_PER_ELEMENT);
  }

  private void allocate(long chars) {
    allocatedChars += chars;
    if (allocatedChars > limits.maxAllocatedChars()) {
      throw limit(
          "texts and lists of more than "
              + limits.maxAllocatedChars()
              + " characters in all (maxAllocatedChars): shorten the conversation or raise the limit");
    }
  }

  /** A new text value, accounted for. */
  Value.Text text(String text) {
    allocateText(text.length());
    return new Value.Text(text);
  }

  void write(String text) {
    StringBuilder output = outputs.element();
    allocateText(text.length());
    requireLength((long) output.length() + text.length());
    output.append(text);
  }

  /** From here on output is kept apart, until {@link #endCapture}. */
  void beginCapture() {
    outputs.push(new StringBuilder());
  }

  Value.Text endCapture() {
    return new Value.Text(outputs.pop().toString());
  }

  String output() {
    return outputs.element().toString();
  }

  TemplateException limit(String problem) {
    return TemplateException.limit(line, problem);
  }

  TemplateException error(String problem) {
    return new TemplateException(Kind.EVALUATION, line, problem);
  }

  TemplateException raised(String message) {
    return new TemplateException(Kind.RAISED, line, message);
  }
}
