/**
 * Rules that our Kubernetes manifests must keep, and the tests that they do. A rule is a pure
 * function from all objects of a cluster to the list of what is wrong; each is shown to fail by a
 * manifest with one mistake. Single-threaded.
 */
@NullMarked
package dev.consilium.deploy.manifests;

import org.jspecify.annotations.NullMarked;
