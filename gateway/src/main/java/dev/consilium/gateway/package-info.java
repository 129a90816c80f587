/**
 * The gateway process: the public door to a model, over HTTP as OpenAI spells it and over gRPC.
 * Puts the parts together from the settings and follows the life of the Quarkus application.
 *
 * <p>Threading: started and stopped by Quarkus, once each.
 */
@NullMarked
package dev.consilium.gateway;

import org.jspecify.annotations.NullMarked;
