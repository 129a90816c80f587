/**
 * OpenTelemetry for every process of ours: spans that follow a request through gRPC, and metrics as
 * Prometheus reads them. Set up by hand, because auto-configuration scans the class path and costs
 * more start-up time than the rest of an expert node.
 *
 * <p>Threading: everything here may be called from any thread.
 */
@NullMarked
package dev.consilium.telemetry;

import org.jspecify.annotations.NullMarked;
