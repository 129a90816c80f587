/**
 * The block encodings of quantised weights as GGUF files store them: from f32 and back, in plain
 * Java. Products do not use these; they work on repacked weights ({@link
 * dev.consilium.tensor.PackedMatrix}).
 *
 * <p>Threading: stateless; any thread.
 */
@NullMarked
package dev.consilium.tensor.quant;

import org.jspecify.annotations.NullMarked;
