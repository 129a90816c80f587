/**
 * The expert node: a process that holds the weights of some experts on one device and computes them
 * for any number of routers.
 *
 * <p>Packages by what they do: {@code wire} checks and answers, {@code execution} computes, {@code
 * loading} says what is held; here they are put together.
 *
 * <p>Threading: an {@link dev.consilium.expertnode.ExpertNode} may be used from any thread.
 */
@NullMarked
package dev.consilium.expertnode;

import org.jspecify.annotations.NullMarked;
