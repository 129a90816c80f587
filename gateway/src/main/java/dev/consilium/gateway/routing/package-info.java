/**
 * Which router gets a sequence: the view of every router, the choice among them, and going to
 * another one when the first is gone before it said anything.
 *
 * <p>Threading: views and the choice are pure; the pool is shared by all requests and says how.
 */
@NullMarked
package dev.consilium.gateway.routing;

import org.jspecify.annotations.NullMarked;
