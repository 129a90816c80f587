/**
 * The router's gRPC edge: contract messages to our records and back.
 *
 * <p>Threading: called on gRPC's threads; hands everything to the engine and never blocks.
 */
@NullMarked
package dev.consilium.router.wire;

import org.jspecify.annotations.NullMarked;
