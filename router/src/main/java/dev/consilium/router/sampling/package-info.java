/**
 * Draws the next token from a row of logits: penalties, bias, temperature, truncation, seeded
 * choice.
 *
 * <p>Threading: pure functions over their arguments; a {@link
 * dev.consilium.router.sampling.TokenHistory} belongs to the engine's thread.
 */
@NullMarked
package dev.consilium.router.sampling;

import org.jspecify.annotations.NullMarked;
