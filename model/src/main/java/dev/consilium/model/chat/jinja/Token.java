package dev.consilium.model.chat.jinja;

/**
 * A piece of template source.
 *
 * @param text the data, the name, the digits, the string's value or the operator; empty for tags
 * @param line where it begins, from 1
 */
record Token(Kind kind, String text, int line) {

  enum Kind {
    DATA,
    OUTPUT_BEGIN,
    OUTPUT_END,
    TAG_BEGIN,
    TAG_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind wanted) {
    return kind == wanted;
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  /** How errors name it. */
  String describe() {
    return switch (kind) {
      case DATA -> "text";
      case OUTPUT_BEGIN -> "'{{'";
      case OUTPUT_END -> "'}}'";
      case TAG_BEGIN -> "'{%'";
      case TAG_END -> "'%}'";
      case END -> "the end of the template";
      case STRING -> "a string";
      case NAME, INTEGER, FLOAT, OPERATOR -> "'" + text + "'";
    };
  }
}
