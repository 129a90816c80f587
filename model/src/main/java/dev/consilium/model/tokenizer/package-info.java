/**
 * Text to token ids and back: a {@link dev.consilium.model.tokenizer.Tokenizer} read from {@code
 * tokenizer.json}, decoding while tokens arrive ({@link
 * dev.consilium.model.tokenizer.IncrementalDecoder}) and finding stop texts in what arrives ({@link
 * dev.consilium.model.tokenizer.StopStrings}). Nothing here opens a network connection.
 *
 * <p>Threading: {@code Tokenizer} and the records may be used by any number of threads at once;
 * {@code IncrementalDecoder} and {@code StopStrings} hold the state of one stream and belong to one
 * thread at a time.
 */
@NullMarked
package dev.consilium.model.tokenizer;

import org.jspecify.annotations.NullMarked;
