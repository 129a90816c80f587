package dev.consilium.model.chat.jinja;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Variables, and those of the scope around. Assignment is always to the innermost scope, as in
 * Jinja.
 */
final class Scope {

  private final Map<String, Value> variables = new HashMap<>();
  private final Optional<Scope> around;

  private Scope(Optional<Scope> around) {
    this.around = around;
  }

  static Scope outermost(Map<String, Value> variables) {
    Scope scope = new Scope(Optional.empty());
    scope.variables.putAll(variables);
    return scope;
  }

  Scope inner() {
    return new Scope(Optional.of(this));
  }

  void set(String name, Value value) {
    variables.put(name, value);
  }

  Value get(String name) {
    for (Optional<Scope> scope = Optional.of(this); scope.isPresent(); scope = scope.get().around) {
      Value value = scope.get().variables.get(name);
      if (value != null) {
        return value;
      }
    }
    return new Value.Undefined("'" + name + "' is undefined");
  }
}
