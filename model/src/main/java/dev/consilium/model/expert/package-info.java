/**
 * Experts: their weights in memory ({@link dev.consilium.model.expert.ExpertBank}) and what they
 * compute ({@link dev.consilium.model.expert.ExpertComputation}). A router that holds experts
 * itself and an expert node run the same code. The result for a token depends on the token and the
 * weights alone, never on which tokens are computed together.
 *
 * <p>Threading: a bank may be used from any thread, also while experts are loaded and dropped;
 * computations on one device follow one another.
 */
@NullMarked
package dev.consilium.model.expert;

import org.jspecify.annotations.NullMarked;
