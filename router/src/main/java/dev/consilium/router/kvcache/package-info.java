/**
 * Keys and values of running sequences in blocks from one bounded pool.
 *
 * <p>Threading: pool and caches belong to the engine's thread; block contents are written and read
 * by the thread team inside one step.
 */
@NullMarked
package dev.consilium.router.kvcache;

import org.jspecify.annotations.NullMarked;
