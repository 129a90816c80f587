package dev.consilium.model.checkpoint;

/**
 * A tensor that becomes some of the rows of a stacked matrix.
 *
 * @param name of the tensor
 * @param rows that it must have
 */
public record MatrixPart(String name, int rows) {}
