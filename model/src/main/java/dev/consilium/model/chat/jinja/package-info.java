/**
 * The part of the Jinja template language that chat templates use, with Python's semantics for its
 * values: a lexer, two parsers (statements and expressions), a tree of sealed records and an
 * evaluator that walks it. Behaviour follows Jinja 3.1 in the setting that Hugging Face's libraries
 * use for chat templates: {@code trim_blocks}, {@code lstrip_blocks}, no escaping, loop controls.
 *
 * <p>Sandbox: templates see only {@link dev.consilium.model.chat.jinja.Value}s; there is no way
 * from a value to a Java object, a class, a file or the network, and no text that arrives as a
 * value is ever read as template source. {@link dev.consilium.model.chat.jinja.Limits} bounds the
 * time, memory and stack that a template can take.
 *
 * <p>Threading: a {@link dev.consilium.model.chat.jinja.Template} is immutable and may be rendered
 * by any number of threads at once; each rendering has a state of its own ({@code Run}).
 */
@NullMarked
package dev.consilium.model.chat.jinja;

import org.jspecify.annotations.NullMarked;
