/**
 * Continuous batching: which tokens of which sequences the next step computes, and the engine that
 * carries it out.
 *
 * <p>Threading: planning is pure; one engine thread owns all sequences and caches. Requests and
 * cancellations reach it through a bounded queue.
 */
@NullMarked
package dev.consilium.router.scheduling;

import org.jspecify.annotations.NullMarked;
