/** Rules that our container file must keep, and the tests that it does. Single-threaded. */
@NullMarked
package dev.consilium.deploy.containers;

import org.jspecify.annotations.NullMarked;
