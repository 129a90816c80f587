/**
 * Brings the hidden states of a layer's tokens to their experts, here or on expert nodes, and the
 * outputs back.
 *
 * <p>Threading: begun and awaited by the engine's thread; connections to nodes are driven by gRPC's
 * threads.
 */
@NullMarked
package dev.consilium.router.dispatch;

import org.jspecify.annotations.NullMarked;
