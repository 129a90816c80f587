package dev.consilium.model.checkpoint;

import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A SHA-256 by which processes recognise that they serve the same model.
 *
 * <p>It covers what the configuration means (not how it is written), name, dtype and shape of every
 * tensor, and a sample of the values: the first and last {@value #SAMPLE_BYTES} bytes of {@value
 * #SAMPLED_TENSORS} tensors spread evenly over all names. Sharding does not matter. A fine-tuned
 * model differs from its origin in nearly every tensor, so the sample tells them apart; it does not
 * detect a single changed weight, and is no protection against somebody who forges a model.
 */
final class Fingerprint {

  static final int SAMPLED_TENSORS = 256;
  static final int SAMPLE_BYTES = 512;

  private static final String VERSION = "consilium fingerprint 1";

  private final MessageDigest digest;

  private Fingerprint(MessageDigest digest) {
    this.digest = digest;
  }

  /** 64 hexadecimal digits. */
  static String of(ModelSpec spec, Weights weights) {
    Fingerprint fingerprint = new Fingerprint(sha256());
    fingerprint.addSpec(spec);
    fingerprint.addWeights(weights);
    return HexFormat.of().formatHex(fingerprint.digest.digest());
  }

  private void addSpec(ModelSpec spec) {
    add(VERSION);
    add(
        "%s %d %d %d %s %s %s %s"
            .formatted(
                spec.family(),
                spec.hiddenSize(),
                spec.vocabularySize(),
                spec.contextLength(),
                spec.norm(),
                spec.multipliers(),
                spec.tiedEmbeddings(),
                spec.headBias()));
    for (LayerSpec layer : spec.layers()) {
      add(layer.toString());
    }
  }

  private void addWeights(Weights weights) {
    List<String> names = new ArrayList<>(weights.names());
    for (String name : names) {
      TensorHeader header = weights.tensor(name).header();
      add(name + " " + header.dtype() + " " + header.shape());
    }
    int samples = Math.min(SAMPLED_TENSORS, names.size());
    for (int i = 0; i < samples; i++) {
      addSample(weights.tensor(names.get((int) ((long) i * names.size() / samples))));
    }
  }

  private void addSample(CheckpointTensor tensor) {
    long size = tensor.header().byteSize();
    int length = (int) Math.min(SAMPLE_BYTES, size);
    digest.update(tensor.read(0, length));
    digest.update(tensor.read(size - length, length));
  }

  private void add(String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    // No text holds it, so that no two lists of texts run together alike.
    digest.update((byte) 0xff);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
