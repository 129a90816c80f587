/**
 * Adds the experts' outputs of every token, in ascending expert order.
 *
 * <p>Threading: pure functions that spread over the device's threads.
 */
@NullMarked
package dev.consilium.router.combine;

import org.jspecify.annotations.NullMarked;
