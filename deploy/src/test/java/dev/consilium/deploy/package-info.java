/** Reads the deployment files of this project for the tests beside it. Single-threaded. */
@NullMarked
package dev.consilium.deploy;

import org.jspecify.annotations.NullMarked;
