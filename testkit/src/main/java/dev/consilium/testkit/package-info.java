/**
 * What tests of several modules share: where the reference fixtures lie, and fakes.
 *
 * <p>Threading: everything here may be called from any thread.
 */
@NullMarked
package dev.consilium.testkit;

import org.jspecify.annotations.NullMarked;
