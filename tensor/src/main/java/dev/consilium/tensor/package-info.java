/**
 * Numbers: storage types, off-heap matrices, kernels in scalar and vector pairs, the thread team.
 *
 * <p>One law holds for every kernel: the order of a reduction follows from the inner dimension
 * alone. Batch size, tile remainder, thread count and vector length never change a bit of a result,
 * so {@link dev.consilium.tensor.ScalarKernels} and {@link dev.consilium.tensor.VectorKernels} give
 * the same bits, and so do one token alone and the same token among many.
 *
 * <p>Threading: kernels keep no state of a call and may be used by many threads at once, on memory
 * that no other thread writes meanwhile. Matrices are not synchronised. {@link
 * dev.consilium.tensor.ThreadTeam} and {@link dev.consilium.tensor.CpuDevice} may be called from
 * any thread.
 */
@NullMarked
package dev.consilium.tensor;

import org.jspecify.annotations.NullMarked;
