/**
 * Model files as Hugging Face lays them out: {@code config.json}, safetensors (one file or shards
 * with an index) and {@code generation_config.json}. Everything in a file is hostile until checked;
 * whatever is wrong ends in a {@link dev.consilium.model.checkpoint.CheckpointException} that names
 * file, tensor, found and wanted.
 *
 * <p>Opening reads headers only. Tensor bytes are mapped while they are used and no longer, so a
 * process maps only the part of a checkpoint that it holds.
 *
 * <p>Threading: an open checkpoint or file may be read from any thread; closing it must come last.
 */
@NullMarked
package dev.consilium.model.checkpoint;

import org.jspecify.annotations.NullMarked;
