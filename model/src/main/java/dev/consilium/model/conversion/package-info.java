/**
 * From any model that we open to a GGUF file, quantised or not: {@link
 * dev.consilium.model.conversion.GgufConversion}.
 *
 * <p>Threading: a conversion belongs to one thread and uses the common pool beside it.
 */
@NullMarked
package dev.consilium.model.conversion;

import org.jspecify.annotations.NullMarked;
