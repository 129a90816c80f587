/** Calls to the gateway's gRPC service, answered in records of ours. Any thread. */
@NullMarked
package dev.consilium.cli.wire;

import org.jspecify.annotations.NullMarked;
