package dev.consilium.model.gguf;

import dev.consilium.model.family.ModelSpec;

/**
 * One thing that the metadata of an architecture say: how the fields of a {@code config.json} that
 * mean the same follow from its keys, and how those follow from a specification.
 */
interface GgufAxis {

  /** Puts fields for the keys that it asks for. */
  void read(GgufReading from);

  /**
   * Writes its keys, as far as they can say what the specification says; whoever writes a file
   * compares what becomes of it.
   */
  void write(ModelSpec spec, GgufWriting to);

  /** What no key says: something that follows from which tensors there are, or always holds. */
  interface Silent extends GgufAxis {
    @Override
    default void write(ModelSpec spec, GgufWriting to) {}
  }

  /** A field that is the same in all files. */
  static Silent always(String field, boolean value) {
    return from -> from.config().put(field, value);
  }

  /**
   * A field that is true if files have a tensor.
   *
   * @param tensor of some layer, without {@code blk.} and the layer, or of none
   */
  static Silent ifThere(String field, String tensor) {
    return from -> from.config().put(field, from.hasTensor(tensor));
  }
}
