/**
 * Compares what a router computes with what a reference implementation computed: the golden values
 * beside a model.
 *
 * <p>Threading: a check owns the router while it runs; no request may run beside it.
 */
@NullMarked
package dev.consilium.router.check;

import org.jspecify.annotations.NullMarked;
