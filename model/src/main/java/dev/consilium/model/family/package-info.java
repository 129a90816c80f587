/**
 * What a model family is, as data: a tree of records that says which building blocks a model has
 * and with which sizes, built from {@code config.json} by one declaration per family. The forward
 * pass reads this tree and knows no family by name; a new family is a new declaration, and a block
 * that none had before is a new record of a sealed interface.
 *
 * <p>Threading: everything here is immutable or pure and may be used from any thread.
 */
@NullMarked
package dev.consilium.model.family;

import org.jspecify.annotations.NullMarked;
