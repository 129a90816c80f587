/**
 * Pure planning: which node holds which expert, and which replica computes a token. Knows no
 * network and no model, only layers, experts and nodes.
 *
 * <p>Threading: everything here is immutable or a pure function.
 */
@NullMarked
package dev.consilium.placement;

import org.jspecify.annotations.NullMarked;
