package dev.consilium.model.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.consilium.model.family.ConfigException;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NormSpec;
import dev.consilium.model.family.RecurrentNames.Arrangement;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.WeightStorage;
import dev.consilium.model.family.WeightStorage.LatentLayout;
import java.util.Optional;

/**
 * Makes the specification that a file's metadata stands for, by way of the {@code config.json} that
 * means the same, so that every check of a configuration holds here too:
 *
 * <ol>
 *   <li>the architecture, by the table;
 *   <li>its keys, axis by axis; a key that no axis asks for is refused;
 *   <li>the specification of that configuration, with the names that GGUF gives the weights, and
 *       with what else files hold otherwise than the reference.
 * </ol>
 */
public final class GgufSpec {

  private GgufSpec() {}

  /**
   * The specification of an open model.
   *
   * @throws GgufException if it is of no architecture that we know, or the metadata are incomplete,
   *     contradictory or say something that we do not know
   */
  public static ModelSpec of(GgufModel model) {
    GgufMetadata metadata = model.metadata();
    GgufArchitecture architecture = GgufArchitectures.of(metadata);
    requireModel(metadata);
    GgufReading reading = new GgufReading(model, architecture);
    reading.config().put("model_type", architecture.modelType());
    architecture.axes().forEach(axis -> axis.read(reading));
    reading.refuseUnasked();
    reading.config().put("tie_word_embeddings", !model.has(GgufNames.ALL.head()));
    tokens(reading, metadata);
    try {
      return plainNorms(ModelFamilies.specifyByUsualNames(reading.config()))
          .withNames(names(reading, model));
    } catch (ConfigException e) {
      throw new GgufException(
          metadata.file(), "its metadata: " + reading.inKeys(String.valueOf(e.getMessage())), e);
    }
  }

  /** Whether a file of this model has rows in another order than ours. */
  public static boolean interleaves(GgufModel model) {
    return GgufArchitectures.of(model.metadata()).rotaryPairs()
        == GgufArchitecture.RotaryPairs.NEIGHBOURS;
  }

  private static void requireModel(GgufMetadata metadata) {
    String type = metadata.text("general.type").orElse("model");
    if (!type.equals("model")) {
      throw metadata.unwanted("general.type", "\"model\": other kinds are not whole models");
    }
  }

  private static void tokens(GgufReading reading, GgufMetadata metadata) {
    metadata
        .whole("tokenizer.ggml.bos_token_id", Integer.MIN_VALUE, Integer.MAX_VALUE)
        .ifPresent(id -> reading.config().put("bos_token_id", id));
    ArrayNode array = reading.config().putArray("eos_token_id");
    GgufTokens.endOfText(metadata).forEach(array::add);
  }

  /** Files hold the whole weights of norms, whatever the reference adds to its own. */
  static ModelSpec plainNorms(ModelSpec spec) {
    return spec.norm().kind() == NormSpec.Kind.RMS_AROUND_ONE
        ? spec.withNorm(new NormSpec(NormSpec.Kind.RMS, spec.norm().place(), spec.norm().epsilon()))
        : spec;
  }

  private static WeightNames names(GgufReading reading, GgufModel model) {
    WeightNames names = reading.architecture().names();
    if (reading.hasTensor(GgufNames.QUERY_KEY_VALUE) && !reading.hasTensor(GgufNames.GATE)) {
      names = GgufNames.withQueryKeyValue(names);
    }
    if (names.attention(0).recurrent().arrangement() == Arrangement.SCALARS_BY_KEY_HEAD
        && reading.hasTensor(GgufNames.BY_KEY_HEAD)) {
      names = names.arranged(Arrangement.BY_KEY_HEAD); // files of before 2026
    }
    boolean oneMatrix = model.has(names.attention(0).latent().keyValueUp());
    WeightStorage storage = names.storage();
    return names.stored(
        new WeightStorage(
            storage.experts(),
            Optional.empty(),
            oneMatrix ? LatentLayout.ONE_MATRIX : LatentLayout.BY_HEAD,
            storage.recurrent()));
  }
}
