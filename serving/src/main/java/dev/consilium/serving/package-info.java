/**
 * What every gRPC process of ours shares: configuration from files, environment and command line; a
 * server and channels with limits; health, reflection, metrics; logging; an orderly start and stop.
 *
 * <p>Threading: types may be used from any thread unless they say otherwise. A {@link
 * dev.consilium.serving.Lifecycle} starts its process on the main thread and stops it on a shutdown
 * hook.
 */
@NullMarked
package dev.consilium.serving;

import org.jspecify.annotations.NullMarked;
