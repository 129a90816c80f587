package dev.consilium.model.conversion;

import dev.consilium.model.checkpoint.RowOrder;
import java.util.List;

/**
 * Some rows of a weight that become a part of a tensor of another file.
 *
 * @param source the weight, as its specification names it
 * @param from first row
 * @param rows how many; a vector is one row
 * @param columns of each
 * @param order in which the other file holds them
 * @param change what becomes of the values
 */
public record Piece(String source, int from, int rows, int columns, RowOrder order, Change change) {

  /** What becomes of values. */
  public sealed interface Change {

    /** Nothing. */
    record None() implements Change {}

    /** Rows become columns. */
    record Transposed() implements Change {}

    /** They are what is added to 1. */
    record PlusOne() implements Change {}

    /** {@code -e^x}. */
    record RateOfLogarithm() implements Change {}

    /**
     * The heads of a row turn about: the first of each group, then the second of each.
     *
     * @param groups of heads
     * @param heads of each group
     * @param width values of each head
     */
    record InTurns(int groups, int heads, int width) implements Change {}
  }

  /** All of a weight. */
  static Piece whole(String source, List<Long> shape) {
    int columns = Math.toIntExact(shape.getLast());
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    return rows(source, 0, Math.toIntExact(elements / columns), columns);
  }

  /** Some rows. */
  static Piece rows(String source, int from, int rows, int columns) {
    return new Piece(source, from, rows, columns, RowOrder.AS_STORED, new Change.None());
  }

  /** Some rows as columns. */
  static Piece transposed(String source, int from, int rows, int columns) {
    return new Piece(source, from, rows, columns, RowOrder.AS_STORED, new Change.Transposed());
  }

  /** A vector is ordered value by value. */
  Piece in(RowOrder other) {
    boolean vector = rows == 1;
    return new Piece(source, from, vector ? columns : rows, vector ? 1 : columns, other, change);
  }

  Piece with(Change other) {
    return new Piece(source, from, rows, columns, order, other);
  }

  /** Whether all values are needed at once. */
  boolean atOnce() {
    return !order.equals(RowOrder.AS_STORED) || change instanceof Change.Transposed;
  }
}
