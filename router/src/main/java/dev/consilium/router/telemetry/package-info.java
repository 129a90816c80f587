/**
 * What the router counts and traces.
 *
 * <p>Threading: counters may be read from any thread.
 */
@NullMarked
package dev.consilium.router.telemetry;

import org.jspecify.annotations.NullMarked;
