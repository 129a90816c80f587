/**
 * Measures how fast a router computes: forward passes over random tokens, without sampling or
 * scheduling, as the benchmarks of other engines do, so that numbers can be laid beside theirs.
 *
 * <p>Threading: one thread; a measurement owns the router while it runs, no request may run beside
 * it.
 */
@NullMarked
package dev.consilium.router.bench;

import org.jspecify.annotations.NullMarked;
