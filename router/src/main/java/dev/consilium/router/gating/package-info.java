/**
 * Chooses the experts of every token, and the weight of each, from the gate's scores.
 *
 * <p>Threading: pure functions over their arguments, for tokens on all threads of a device.
 */
@NullMarked
package dev.consilium.router.gating;

import org.jspecify.annotations.NullMarked;
