/**
 * What {@code consilium inspect} finds out about a model, and the words for it: a class for each
 * part of a specification. A building block that is new to the specification does not compile here
 * until it has words. One thread.
 */
@NullMarked
package dev.consilium.cli.inspect;

import org.jspecify.annotations.NullMarked;
