package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Computes expressions. One object per rendering. */
final class Evaluator {

  private final Run run;

  Evaluator(Run run) {
    this.run = run;
  }

  Value evaluate(Expression expression, Scope scope) {
    run.enter(expression.line());
    Value value =
        switch (expression) {
          case Expression.Literal literal -> literal.value();
          case Expression.Name name -> scope.get(name.name());
          case Expression.Items items -> items(items, scope);
          case Expression.Entries entries -> entries(entries, scope);
          case Expression.Unary unary -> signed(unary, scope);
          case Expression.Not not ->
              Value.Bool.of(!Operators.truth(evaluate(not.operand(), scope)));
          case Expression.Binary binary -> binary(binary, scope);
          case Expression.Logical logical -> logical(logical, scope);
          case Expression.Comparisons comparisons -> comparisons(comparisons, scope);
          case Expression.Conditional conditional -> conditional(conditional, scope);
          case Expression.Attribute attribute ->
              Members.attribute(run, evaluate(attribute.target(), scope), attribute.name());
          case Expression.Item item -> {
            Value target = evaluate(item.target(), scope);
            yield Members.item(run, target, evaluate(item.index(), scope));
          }
          case Expression.Slice slice -> slice(slice, scope);
          case Expression.Call call -> call(call, Map.of(), scope);
          case Expression.Filtered filtered ->
              filter(filtered.filter(), evaluate(filtered.input(), scope), scope);
          case Expression.Tested tested -> tested(tested, scope);
        };
    run.leave();
    return value;
  }

  private Value items(Expression.Items items, Scope scope) {
    List<Value> values = evaluateAll(items.items(), scope);
    return items.tuple() ? Value.Sequence.tuple(values) : Value.Sequence.list(values);
  }

  private List<Value> evaluateAll(List<Expression> expressions, Scope scope) {
    run.allocateElements(expressions.size());
    List<Value> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private Value entries(Expression.Entries entries, Scope scope) {
    run.allocateElements(entries.entries().size());
    Map<Value, Value> values = new LinkedHashMap<>();
    for (Expression.Entry entry : entries.entries()) {
      Value key = Operators.key(run, evaluate(entry.key(), scope));
      values.put(key, evaluate(entry.value(), scope));
    }
    return new Value.Mapping(values);
  }

  private Value signed(Expression.Unary unary, Scope scope) {
    Value negative = Operators.negate(run, evaluate(unary.operand(), scope));
    return unary.sign() == Expression.Sign.MINUS ? negative : Operators.negate(run, negative);
  }

  private Value binary(Expression.Binary binary, Scope scope) {
    Value left = evaluate(binary.left(), scope);
    Value right = evaluate(binary.right(), scope);
    run.at(binary.line());
    return Operators.calculate(run, binary.operator(), left, right);
  }

  private Value logical(Expression.Logical logical, Scope scope) {
    Value left = evaluate(logical.left(), scope);
    return Operators.truth(left) == logical.and() ? evaluate(logical.right(), scope) : left;
  }

  private Value comparisons(Expression.Comparisons comparisons, Scope scope) {
    Value left = evaluate(comparisons.first(), scope);
    for (Expression.Link link : comparisons.links()) {
      Value right = evaluate(link.right(), scope);
      run.at(comparisons.line());
      if (!Operators.compare(run, link.operator(), left, right)) {
        return Value.Bool.FALSE;
      }
      left = right;
    }
    return Value.Bool.TRUE;
  }

  private Value conditional(Expression.Conditional conditional, Scope scope) {
    if (Operators.truth(evaluate(conditional.condition(), scope))) {
      return evaluate(conditional.then(), scope);
    }
    return conditional
        .otherwise()
        .map(otherwise -> evaluate(otherwise, scope))
        .orElseGet(() -> new Value.Undefined("the inline 'if' was false and has no 'else'"));
  }

  private Value slice(Expression.Slice slice, Scope scope) {
    Value target = evaluate(slice.target(), scope);
    OptionalInt from = bound(slice.from(), scope);
    OptionalInt to = bound(slice.to(), scope);
    OptionalInt step = bound(slice.step(), scope);
    run.at(slice.line());
    if (step.isPresent() && step.getAsInt() == 0) {
      throw run.error("the step of a slice cannot be 0");
    }
    return Members.slice(run, target, new SliceBounds(from, to, step.orElse(1)));
  }

  private OptionalInt bound(Optional<Expression> expression, Scope scope) {
    if (expression.isEmpty()) {
      return OptionalInt.empty();
    }
    Value value = evaluate(expression.get(), scope);
    return value == Value.None.NONE
        ? OptionalInt.empty()
        : OptionalInt.of(Numbers.toInt(run, value));
  }

  /**
   * Calls a function.
   *
   * @param extra further named arguments, such as the {@code caller} of a call block
   */
  Value call(Expression.Call call, Map<String, Value> extra, Scope scope) {
    Value callee = evaluate(call.callee(), scope);
    Arguments arguments = arguments(call.arguments(), extra, scope);
    run.at(call.line());
    if (Operators.defined(run, callee) instanceof Value.Function function) {
      return function.code().call(run, arguments);
    }
    throw run.error("a '" + Operators.typeName(callee) + "' cannot be called");
  }

  private Arguments arguments(Expression.Passed passed, Map<String, Value> extra, Scope scope) {
    List<Value> positional = evaluateAll(passed.positional(), scope);
    Map<String, Value> named = new LinkedHashMap<>(extra);
    passed.named().forEach((name, value) -> named.put(name, evaluate(value, scope)));
    return new Arguments(positional, named);
  }

  Value filter(Expression.FilterCall filter, Value input, Scope scope) {
    Arguments arguments = arguments(filter.arguments(), Map.of(), scope);
    run.at(filter.line());
    return Filters.apply(run, filter.name(), input, arguments);
  }

  private Value tested(Expression.Tested tested, Scope scope) {
    Value input = evaluate(tested.input(), scope);
    Arguments arguments = arguments(tested.arguments(), Map.of(), scope);
    run.at(tested.line());
    return Value.Bool.of(Predicates.test(run, tested.test(), input, arguments) != tested.negated());
  }
}
