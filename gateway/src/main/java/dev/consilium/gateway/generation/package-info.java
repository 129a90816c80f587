/**
 * One request from prompt tokens to text, the same for every door: limits, the stream of tokens of
 * each choice, detokenising, stop texts, and the words for what can go wrong. Knows neither HTTP
 * nor gRPC.
 *
 * <p>Threading: a request runs on virtual threads that may block, one for each of its choices;
 * records are immutable, and each class says who may call it.
 */
@NullMarked
package dev.consilium.gateway.generation;

import org.jspecify.annotations.NullMarked;
