/**
 * The edge to the network: checks what arrives, turns it into our records, and records into
 * answers. Nothing outside this package sees a generated class.
 *
 * <p>Threading: gRPC calls in on network threads, which never block or compute here; answers leave
 * on the thread that has them. What blocks (loading, draining) runs on virtual threads.
 */
@NullMarked
package dev.consilium.expertnode.wire;

import org.jspecify.annotations.NullMarked;
