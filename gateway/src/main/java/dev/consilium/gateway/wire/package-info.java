/**
 * The edge to generated protobuf classes: the client of the router contract and the server of the
 * public one. Nothing generated leaves this package.
 *
 * <p>Threading: gRPC's callbacks never block; whatever waits does so on virtual threads.
 */
@NullMarked
package dev.consilium.gateway.wire;

import org.jspecify.annotations.NullMarked;
