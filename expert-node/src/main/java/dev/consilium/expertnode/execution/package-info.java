/**
 * Computes admitted dispatches: a bounded queue, from which one compute thread takes the oldest and
 * gathers with it what waits for the same layer, of whichever router, into one computation per
 * expert.
 *
 * <p>Threading: dispatches are submitted and withdrawn from any thread; they are computed and
 * answered on the compute thread, which {@link dev.consilium.expertnode.execution.ExpertExecutor}
 * owns.
 */
@NullMarked
package dev.consilium.expertnode.execution;

import org.jspecify.annotations.NullMarked;
