/**
 * The HTTP door: routes, request bodies within limits, answers whole or as server-sent events,
 * clients that leave or read slowly.
 *
 * <p>Threading: a request arrives and its bytes move on a Vert.x event loop, which never blocks;
 * everything else of it happens on a virtual thread of its own.
 */
@NullMarked
package dev.consilium.gateway.http;

import org.jspecify.annotations.NullMarked;
