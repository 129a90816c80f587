/**
 * The GGUF file format: reading it ({@link dev.consilium.model.gguf.GgufModel}), writing it ({@link
 * dev.consilium.model.gguf.GgufWriter}), and the table that says which of its architectures is
 * which of our families ({@link dev.consilium.model.gguf.GgufArchitectures}). Everything in a file
 * is hostile until checked: nothing is allocated by a length that the file states before it is
 * known that the file is that long.
 *
 * <p>Threading: an open file may be read from any thread; closing it must come last. Builders and
 * writers belong to one thread.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The specification</a>
 */
@NullMarked
package dev.consilium.model.gguf;

import org.jspecify.annotations.NullMarked;
