package dev.consilium.gateway;

import dev.consilium.gateway.generation.ChatRenderer;
import dev.consilium.gateway.generation.ModelCard;
import dev.consilium.gateway.generation.Sampling;
import dev.consilium.gateway.generation.SamplingBuilder;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.model.chat.ChatTemplate;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.GenerationDefaults;
import dev.consilium.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Reads from a model directory what a gateway needs: everything but the weights. */
final class ModelLoading {
  private static final float MOST_TEMPERATURE = 100;

  private ModelLoading() {}

  /**
   * A model to serve.
   *
   * @param endOfText tokens that end an answer
   */
  record Loaded(ServedModel model, List<Integer> endOfText) {}

  static Loaded load(GatewayOptions.Model options, Instant now) throws IOException {
    Path directory = options.directory();
    // The tokenizer's native library is loaded while the checkpoint is checked: it is a fifth of
    // the process's time to start.
    FutureTask<Tokenizer> tokenizer = new FutureTask<>(() -> Tokenizer.load(directory));
    Thread.ofPlatform().daemon().name("tokenizer-loading").start(tokenizer);
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      GenerationDefaults defaults = checkpoint.generationDefaults();
      ModelCard card =
          new ModelCard(
              options.name(),
              checkpoint.fingerprint(),
              checkpoint.spec().contextLength(),
              checkpoint.spec().vocabularySize(),
              now);
      ServedModel model =
          new ServedModel(
              card, card::contextLength, loaded(tokenizer), chat(directory), sampling(defaults));
      return new Loaded(model, defaults.endOfTextTokens());
    }
  }

  private static Tokenizer loaded(FutureTask<Tokenizer> tokenizer) throws IOException {
    try {
      return tokenizer.get();
    } catch (ExecutionException e) {
      throw new IOException("the tokenizer cannot be used: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while the tokenizer was loaded", e);
    }
  }

  private static Optional<ChatRenderer> chat(Path directory) throws IOException {
    return ChatTemplate.load(directory)
        .map(template -> new TemplateRenderer(template, Clock.system(ZoneId.systemDefault())));
  }

  private static Sampling sampling(GenerationDefaults defaults) {
    SamplingBuilder sampling = new SamplingBuilder(Sampling.PLAIN);
    defaults
        .temperature()
        .ifPresent(value -> sampling.temperature(Math.min(MOST_TEMPERATURE, value)));
    defaults.topK().ifPresent(sampling::topK);
    defaults.topP().ifPresent(sampling::topP);
    defaults.minP().ifPresent(sampling::minP);
    defaults.repetitionPenalty().ifPresent(sampling::repetitionPenalty);
    return sampling.build();
  }
}
