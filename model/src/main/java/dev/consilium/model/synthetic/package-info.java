/**
 * Models of real shapes with random weights: benchmarks need the shape, not the knowledge. See
 * {@link dev.consilium.model.synthetic.SyntheticModel}.
 *
 * <p>Threading: everything here is immutable; writing uses the common pool.
 */
@NullMarked
package dev.consilium.model.synthetic;

import org.jspecify.annotations.NullMarked;
