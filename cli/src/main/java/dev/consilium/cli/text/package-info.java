/**
 * Text in, text out: what the commands that talk to a model need, with two sources behind one
 * interface, a running gateway and an engine in this process. One thread uses a source at a time.
 */
@NullMarked
package dev.consilium.cli.text;

import org.jspecify.annotations.NullMarked;
