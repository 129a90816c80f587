package dev.consilium.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Some neighbouring columns of the state of one head of a linear recurrence. The state is a matrix
 * {@code [keyDim, valueDim]} of f32: what the head remembers, addressed by keys.
 *
 * <p>Columns do not influence each other, so threads may work on different ones.
 *
 * @param memory that holds the state
 * @param at where row 0 of the first column lies, in bytes; a multiple of 4
 * @param keyDim rows
 * @param count columns
 * @param rowBytes from one row to the next
 */
public record StateColumns(MemorySegment memory, long at, int keyDim, int count, long rowBytes) {}
