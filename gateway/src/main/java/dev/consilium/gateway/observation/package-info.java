/**
 * What operators see of requests: metrics under OpenTelemetry's names for generative AI and under
 * those of vLLM, and the attributes of spans.
 *
 * <p>Threading: everything may be called from any thread.
 */
@NullMarked
package dev.consilium.gateway.observation;

import org.jspecify.annotations.NullMarked;
