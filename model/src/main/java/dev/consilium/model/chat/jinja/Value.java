package dev.consilium.model.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a template works with. Nothing else is reachable from one. */
public sealed interface Value {

  /**
   * The value of a name, attribute or key that does not exist: prints as nothing, is false, and is
   * an error when used otherwise.
   *
   * @param problem what an error says
   */
  record Undefined(String problem) implements Value {}

  /** Python's {@code None}. */
  enum None implements Value {
    /** The only one. */
    NONE
  }

  /** {@code True} or {@code False}. */
  record Bool(boolean value) implements Value {

    /** {@code True}. */
    public static final Bool TRUE = new Bool(true);

    /** {@code False}. */
    public static final Bool FALSE = new Bool(false);

    /** The one that says {@code value}. */
    public static Bool of(boolean value) {
      return value ? TRUE : FALSE;
    }
  }

  /** An integer of any size that {@code Numbers} lets through. */
  record Int(BigInteger value) implements Value {

    /** An integer from a Java one. */
    public static Int of(long value) {
      return new Int(BigInteger.valueOf(value));
    }
  }

  /** A float. */
  record Real(double value) implements Value {}

  /** A string; its length and indexes count code points, as in Python. */
  record Text(String value) implements Value {}

  /** A list, or a tuple (which prints otherwise and cannot be appended to). */
  final class Sequence implements Value {

    private final List<Value> items;
    private final boolean tuple;

    private Sequence(List<Value> items, boolean tuple) {
      this.items = items;
      this.tuple = tuple;
    }

    /** A list that takes over {@code items}. */
    static Sequence list(List<Value> items) {
      return new Sequence(items, false);
    }

    static Sequence tuple(List<Value> items) {
      return new Sequence(items, true);
    }

    static Sequence tuple(Value... items) {
      return tuple(List.of(items));
    }

    List<Value> items() {
      return items;
    }

    boolean isTuple() {
      return tuple;
    }
  }

  /** A dict, in order of insertion. */
  final class Mapping implements Value {

    private final Map<Value, Value> entries;

    Mapping(Map<Value, Value> entries) {
      this.entries = entries;
    }

    Map<Value, Value> entries() {
      return entries;
    }

    List<Value> keys() {
      return new ArrayList<>(entries.keySet());
    }

    /** The entries as pairs. */
    List<Value> items() {
      List<Value> pairs = new ArrayList<>(entries.size());
      entries.forEach((key, value) -> pairs.add(Sequence.tuple(key, value)));
      return pairs;
    }
  }

  /** What {@code namespace()} makes: attributes that a template may set from an inner scope. */
  final class Namespace implements Value {

    private final Map<String, Value> attributes = new LinkedHashMap<>();

    Map<String, Value> attributes() {
      return attributes;
    }
  }

  /** A macro, method or global function. */
  record Function(String name, Code code) implements Value {}

  /** The {@code loop} of a {@code for}. */
  final class Loop implements Value {

    private final List<Value> items;
    private int index;
    private List<Value> lastChecked = List.of();

    Loop(List<Value> items) {
      this.items = items;
    }

    List<Value> items() {
      return items;
    }

    /** From 0. */
    int index() {
      return index;
    }

    void moveTo(int newIndex) {
      index = newIndex;
    }

    /** Remembers {@code values} and returns those remembered before. */
    List<Value> swapChecked(List<Value> values) {
      List<Value> before = lastChecked;
      lastChecked = values;
      return before;
    }
  }

  /** What a function does. */
  @FunctionalInterface
  interface Code {
    /** Computes the result of a call. */
    Value call(Run run, Arguments arguments);
  }
}
