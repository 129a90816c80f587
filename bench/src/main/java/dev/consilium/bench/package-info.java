/**
 * JMH benchmarks of the kernels, and of what the machine can do at most, so that a result is a
 * ratio and not only a number. How to run them: {@code bench/README.md}.
 *
 * <p>Threading: JMH calls each benchmark from one thread; more threads are the device's own.
 */
@NullMarked
package dev.consilium.bench;

import org.jspecify.annotations.NullMarked;
