/**
 * The OpenAI API as bytes: request bodies read strictly into records, every fault with the path of
 * its parameter; answers, stream chunks and errors written as JSON.
 *
 * <p>Threading: no state is shared; a reader or writer object belongs to one request.
 */
@NullMarked
package dev.consilium.gateway.openai;

import org.jspecify.annotations.NullMarked;
