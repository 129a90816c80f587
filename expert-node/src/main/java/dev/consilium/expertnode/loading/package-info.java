/**
 * Which experts the node holds, under which epoch, and how that changes while it serves.
 *
 * <p>Threading: everything may be called from any thread. A change loads on the thread that asks
 * for it, which must be one that may block.
 */
@NullMarked
package dev.consilium.expertnode.loading;

import org.jspecify.annotations.NullMarked;
