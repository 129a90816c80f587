/**
 * From a conversation to the text that a model was trained to continue: chat templates as
 * checkpoints carry them. The template language is in {@code jinja}.
 *
 * <p>Threading: everything here is immutable and may be used by any number of threads at once.
 */
@NullMarked
package dev.consilium.model.chat;

import org.jspecify.annotations.NullMarked;
