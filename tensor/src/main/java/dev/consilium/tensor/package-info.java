/** Numbers. */
@NullMarked
package dev.consilium.tensor;

import org.jspecify.annotations.NullMarked;
