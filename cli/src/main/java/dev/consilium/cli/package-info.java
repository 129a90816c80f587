/**
 * The {@code consilium} command: one class for each subcommand, which reads its options, calls what
 * does the work and prints. Everything here runs on the main thread, except what a shutdown hook
 * stops.
 */
@NullMarked
package dev.consilium.cli;

import org.jspecify.annotations.NullMarked;
