/**
 * One pass through the model: named steps over a batch of tokens from many sequences.
 *
 * <p>Threading: a pass belongs to the engine's thread, which spreads work over the device's
 * threads.
 */
@NullMarked
package dev.consilium.router.forward;

import org.jspecify.annotations.NullMarked;
