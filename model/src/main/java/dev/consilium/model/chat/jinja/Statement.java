package dev.consilium.model.chat.jinja;

import java.util.List;
import java.util.Optional;

/** What a template does, in order. */
sealed interface Statement {

  record Data(String text) implements Statement {}

  record Output(Expression expression) implements Statement {}

  /** The first branch whose condition holds; an {@code else} is a branch on {@code true}. */
  record If(List<Branch> branches) implements Statement {}

  record For(
      Target target,
      Expression iterable,
      Optional<Expression> condition,
      List<Statement> body,
      List<Statement> otherwise,
      int line)
      implements Statement {}

  record Set(Target target, Expression value, int line) implements Statement {}

  record SetBlock(
      Target target, List<Expression.FilterCall> filters, List<Statement> body, int line)
      implements Statement {}

  record Macro(String name, Parameters parameters, List<Statement> body, int line)
      implements Statement {}

  /** A body that a macro may render: the callee's {@code caller} renders the body. */
  record CallBlock(Expression.Call call, Parameters parameters, List<Statement> body, int line)
      implements Statement {}

  record FilterBlock(List<Expression.FilterCall> filters, List<Statement> body, int line)
      implements Statement {}

  record With(List<Set> assignments, List<Statement> body) implements Statement {}

  /** A body that is rendered as it stands: {@code generation} marks text for training only. */
  record Group(List<Statement> body) implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  record Branch(Expression condition, List<Statement> body) {}

  record Parameters(List<Parameter> all) {}

  record Parameter(String name, Optional<Expression> fallback) {}

  /** What {@code set} and {@code for} assign to. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record NamespaceAttribute(String namespace, String attribute) implements Target {}

    record Unpacked(List<Target> targets) implements Target {}
  }
}
