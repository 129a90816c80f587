/** What a benchmark finds out about machine, process and model, and its report. One thread. */
@NullMarked
package dev.consilium.cli.bench;

import org.jspecify.annotations.NullMarked;
