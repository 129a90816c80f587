package dev.consilium.model.checkpoint;

import java.util.Set;

/** The open weight files of a checkpoint, and which of them holds which tensor. */
interface Weights extends AutoCloseable {

  /** The names of all tensors, sorted. */
  Set<String> names();

  boolean has(String name);

  /**
   * One tensor; nothing is mapped yet.
   *
   * @throws CheckpointException if there is none of that name
   */
  CheckpointTensor tensor(String name);

  /** The tensors as the files hold them. */
  default Weights stored() {
    return this;
  }

  @Override
  void close();
}
