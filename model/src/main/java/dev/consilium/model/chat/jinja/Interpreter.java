package dev.consilium.model.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Carries out statements. One object per rendering. */
final class Interpreter {

  /** How a body ended. */
  private enum Ending {
    NORMAL,
    BREAK,
    CONTINUE
  }

  private final Run run;
  private final Evaluator evaluator;

  Interpreter(Run run) {
    this.run = run;
    this.evaluator = new Evaluator(run);
  }

  void render(List<Statement> body, Scope scope) {
    if (execute(body, scope) != Ending.NORMAL) {
      throw run.error("'break' or 'continue' outside of a loop");
    }
  }

  private Ending execute(List<Statement> body, Scope scope) {
    run.enter();
    Ending ending = Ending.NORMAL;
    for (int i = 0; i < body.size() && ending == Ending.NORMAL; i++) {
      ending = execute(body.get(i), scope);
    }
    run.leave();
    return ending;
  }

  private Ending execute(Statement statement, Scope scope) {
    run.step(1);
    return switch (statement) {
      case Statement.Data data -> {
        run.write(data.text());
        yield Ending.NORMAL;
      }
      case Statement.Output output -> {
        run.write(PythonText.str(run, evaluator.evaluate(output.expression(), scope)));
        yield Ending.NORMAL;
      }
      case Statement.If choice -> choose(choice, scope);
      case Statement.For loop -> loop(loop, scope);
      case Statement.Group group -> execute(group.body(), scope);
      case Statement.With with -> with(with, scope);
      case Statement.Break _ -> Ending.BREAK;
      case Statement.Continue _ -> Ending.CONTINUE;
      case Statement.Set _,
          Statement.SetBlock _,
          Statement.Macro _,
          Statement.CallBlock _,
          Statement.FilterBlock _ -> {
        define(statement, scope);
        yield Ending.NORMAL;
      }
    };
  }

  private void define(Statement statement, Scope scope) {
    switch (statement) {
      case Statement.Set set ->
          assign(set.target(), evaluator.evaluate(set.value(), scope), scope, set.line());
      case Statement.SetBlock set ->
          assign(set.target(), captured(set.body(), set.filters(), scope), scope, set.line());
      case Statement.Macro macro ->
          scope.set(macro.name(), macro(macro.name(), macro.parameters(), macro.body(), scope));
      case Statement.CallBlock call -> call(call, scope);
      case Statement.FilterBlock filter ->
          run.write(PythonText.str(run, captured(filter.body(), filter.filters(), scope)));
      default -> throw new AssertionError(statement);
    }
  }

  private Ending choose(Statement.If choice, Scope scope) {
    for (Statement.Branch branch : choice.branches()) {
      if (Operators.truth(evaluator.evaluate(branch.condition(), scope))) {
        return execute(branch.body(), scope);
      }
    }
    return Ending.NORMAL;
  }

  private Ending loop(Statement.For loop, Scope scope) {
    Value iterable = evaluator.evaluate(loop.iterable(), scope);
    run.at(loop.line());
    List<Value> items = wanted(loop, Operators.iterate(run, iterable), scope);
    if (items.isEmpty()) {
      return execute(loop.otherwise(), scope.inner());
    }
    Value.Loop state = new Value.Loop(items);
    for (int i = 0; i < items.size(); i++) {
      state.moveTo(i);
      Scope iteration = scope.inner();
      iteration.set("loop", state);
      assign(loop.target(), items.get(i), iteration, loop.line());
      if (execute(loop.body(), iteration) == Ending.BREAK) {
        break;
      }
    }
    return Ending.NORMAL;
  }

  /**
   * A copy of the items that the loop's condition lets through, so that the body may change the
   * list it goes through.
   */
  private List<Value> wanted(Statement.For loop, List<Value> items, Scope scope) {
    run.allocateElements(items.size());
    List<Value> wanted = new ArrayList<>();
    for (Value item : items) {
      if (passes(loop, item, scope)) {
        wanted.add(item);
      }
    }
    return wanted;
  }

  private boolean passes(Statement.For loop, Value item, Scope scope) {
    if (loop.condition().isEmpty()) {
      return true;
    }
    Scope candidate = scope.inner();
    assign(loop.target(), item, candidate, loop.line());
    return Operators.truth(evaluator.evaluate(loop.condition().get(), candidate));
  }

  private Ending with(Statement.With with, Scope scope) {
    Scope inner = scope.inner();
    for (Statement.Set set : with.assignments()) {
      assign(set.target(), evaluator.evaluate(set.value(), scope), inner, set.line());
    }
    return execute(with.body(), inner);
  }

  private void assign(Statement.Target target, Value value, Scope scope, int line) {
    run.at(line);
    switch (target) {
      case Statement.Target.Variable variable -> scope.set(variable.name(), value);
      case Statement.Target.NamespaceAttribute attribute -> {
        if (!(scope.get(attribute.namespace()) instanceof Value.Namespace namespace)) {
          throw run.error(
              "cannot set an attribute of '" + attribute.namespace() + "': it is no namespace()");
        }
        run.allocateElements(1);
        namespace.attributes().put(attribute.attribute(), value);
      }
      case Statement.Target.Unpacked unpacked -> unpack(unpacked.targets(), value, scope, line);
    }
  }

  private void unpack(List<Statement.Target> targets, Value value, Scope scope, int line) {
    List<Value> items = Operators.iterate(run, value);
    if (items.size() != targets.size()) {
      throw run.error(
          "cannot unpack %d values into %d names".formatted(items.size(), targets.size()));
    }
    for (int i = 0; i < items.size(); i++) {
      assign(targets.get(i), items.get(i), scope, line);
    }
  }

  private Value captured(List<Statement> body, List<Expression.FilterCall> filters, Scope scope) {
    Value value = capture(body, scope.inner());
    for (Expression.FilterCall filter : filters) {
      value = evaluator.filter(filter, value, scope);
    }
    return value;
  }

  private Value capture(List<Statement> body, Scope scope) {
    run.beginCapture();
    render(body, scope);
    return run.endCapture();
  }

  /** A macro sees the variables around its definition, as they are when it is called. */
  private Value.Function macro(
      String name, Statement.Parameters parameters, List<Statement> body, Scope around) {
    return new Value.Function(
        name,
        (caller, arguments) -> {
          run.enterCall();
          Scope scope = around.inner();
          bind(name, parameters.all(), arguments, scope);
          Value result = capture(body, scope);
          run.leaveCall();
          return result;
        });
  }

  private void bind(
      String macro, List<Statement.Parameter> parameters, Arguments arguments, Scope scope) {
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    List<Value> positional = arguments.positional();
    scope.set(
        "caller",
        new Value.Undefined("'caller' is undefined: " + macro + " was not called by 'call'"));
    Optional.ofNullable(named.remove("caller")).ifPresent(caller -> scope.set("caller", caller));
    for (int i = 0; i < parameters.size(); i++) {
      Statement.Parameter parameter = parameters.get(i);
      Optional<Value> byName = Optional.ofNullable(named.remove(parameter.name()));
      Optional<Value> given = i < positional.size() ? Optional.of(positional.get(i)) : byName;
      scope.set(parameter.name(), given.orElseGet(() -> fallback(parameter, scope)));
    }
    List<Value> rest =
        positional.subList(Math.min(parameters.size(), positional.size()), positional.size());
    scope.set("varargs", Value.Sequence.tuple(rest));
    scope.set("kwargs", ContainerMethods.dict(run, new Arguments(List.of(), named)));
  }

  private Value fallback(Statement.Parameter parameter, Scope scope) {
    return parameter
        .fallback()
        .map(expression -> evaluator.evaluate(expression, scope))
        .orElseGet(
            () -> new Value.Undefined("parameter '" + parameter.name() + "' was not provided"));
  }

  private void call(Statement.CallBlock block, Scope scope) {
    Value caller = macro("caller", block.parameters(), block.body(), scope);
    Value result = evaluator.call(block.call(), Map.of("caller", caller), scope);
    run.write(PythonText.str(run, result));
  }
}
