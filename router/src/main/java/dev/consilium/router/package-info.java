/**
 * The router: attention, gating, dispatch and combine, sampling, behind the router contract.
 *
 * <p>{@link dev.consilium.router.Router} puts the parts together; {@link
 * dev.consilium.router.RouterMain} makes a process of it.
 *
 * <p>Threading: one engine thread owns all sequences; see each package.
 */
@NullMarked
package dev.consilium.router;

import org.jspecify.annotations.NullMarked;
