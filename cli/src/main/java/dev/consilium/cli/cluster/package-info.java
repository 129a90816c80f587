/**
 * A cluster on this machine: gateway, routers and expert nodes as processes of their own on
 * loopback ports, started together, watched while they start, stopped in reverse order. A {@link
 * dev.consilium.cli.cluster.LocalCluster} may be closed from any thread, which shutdown hooks do;
 * everything else is used by one thread.
 */
@NullMarked
package dev.consilium.cli.cluster;

import org.jspecify.annotations.NullMarked;
