package dev.consilium.cli.text;

import dev.consilium.cli.CommandFailure;
import dev.consilium.model.chat.ChatConversation;
import dev.consilium.model.chat.ChatTemplate;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.GenerationDefaults;
import dev.consilium.model.tokenizer.IncrementalDecoder;
import dev.consilium.model.tokenizer.StopStrings;
import dev.consilium.model.tokenizer.Tokenizer;
import dev.consilium.router.Router;
import dev.consilium.router.RouterOptions;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.sampling.SamplingParameters;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.router.scheduling.GenerationListener;
import dev.consilium.router.scheduling.GenerationRequest;
import dev.consilium.tensor.Kernels;
import io.grpc.Status;
import io.opentelemetry.context.Context;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/** A whole engine in this process: a router that holds all experts itself. */
public final class EngineSource implements TextSource {

  private final Router router;
  private final Tokenizer tokenizer;
  private final Path model;
  private final GenerationDefaults defaults;

  private EngineSource(
      Router router, Tokenizer tokenizer, Path model, GenerationDefaults defaults) {
    this.router = router;
    this.tokenizer = tokenizer;
    this.model = model;
    this.defaults = defaults;
  }

  /**
   * Loads a model with all of its experts.
   *
   * @param options of a router that holds all experts itself
   */
  public static EngineSource open(Path model, RouterOptions options) {
    Checkpoint.readAhead(model);
    Tokenizer tokenizer = tokenizer(model);
    Kernels.chooseAhead();
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      Router router = Router.open(checkpoint, options, new Utilisation(), EngineObserver.NONE);
      return new EngineSource(router, tokenizer, model, checkpoint.generationDefaults());
    } catch (RuntimeException | Error failed) {
      tokenizer.close();
      throw failed;
    }
  }

  private static Tokenizer tokenizer(Path model) {
    try {
      return Tokenizer.load(model);
    } catch (IOException failed) {
      throw new CommandFailure(String.valueOf(failed.getMessage()), failed);
    }
  }

  @Override
  public Generated chat(List<ChatTurn> turns, TextOptions options, Consumer<String> onText)
      throws InterruptedException {
    ChatTemplate template = template();
    List<Map<String, String>> messages =
        turns.stream().map(turn -> Map.of("role", turn.role(), "content", turn.content())).toList();
    return generate(
        tokenizer.encode(template.render(ChatConversation.of(messages)), false), options, onText);
  }

  private ChatTemplate template() {
    try {
      return ChatTemplate.load(model)
          .orElseThrow(() ->
              new CommandFailure(
                  model
                      + " has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json): use"
                      + " consilium run to continue a text"));
    } catch (IOException failed) {
      throw new CommandFailure(String.valueOf(failed.getMessage()), failed);
    }
  }

  @Override
  public Generated complete(String prompt, TextOptions options, Consumer<String> onText)
      throws InterruptedException {
    return generate(tokenizer.encode(prompt, true), options, onText);
  }

  private Generated generate(int[] prompt, TextOptions options, Consumer<String> onText)
      throws InterruptedException {
    if (prompt.length == 0) {
      throw new CommandFailure("the prompt is empty: give it at least one character");
    }
    Answer answer = new Answer(prompt.length, tokenizer.decoder(), stops(options), onText);
    BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    Engine.Handle handle = router.engine().submit(request(prompt, options), new Queueing(events));
    try {
      while (!answer.take(events.take())) {
        // The next event, until the last.
      }
    } finally {
      handle.cancel();
    }
    return answer.result();
  }

  private GenerationRequest request(int[] prompt, TextOptions options) {
    int room = Math.max(1, router.engine().contextLength() - prompt.length);
    return new GenerationRequest(
        prompt,
        Math.min(room, options.maxTokens().orElse(defaults.maxNewTokens().orElse(room))),
        Set.copyOf(defaults.endOfTextTokens()),
        sampling(options),
        GenerationRequest.Extras.NONE,
        Context.root());
  }

  /** The request's choice, else the model's, else what changes nothing. */
  private SamplingParameters sampling(TextOptions options) {
    TextOptions.Draw draw = options.draw();
    try {
      return new SamplingParameters(
          (float) draw.temperature().orElse(defaults.temperature().orElse(1)),
          draw.topK().orElse(defaults.topK().orElse(0)),
          (float) draw.topP().orElse(defaults.topP().orElse(1)),
          (float) draw.minP().orElse(defaults.minP().orElse(0)),
          new SamplingParameters.Penalties(
              (float) draw.repetitionPenalty().orElse(defaults.repetitionPenalty().orElse(1)),
              0,
              0),
          Map.of(),
          options.seed().orElseGet(() -> new SecureRandom().nextLong()));
    } catch (IllegalArgumentException outOfRange) {
      throw new CommandFailure(String.valueOf(outOfRange.getMessage()), outOfRange);
    }
  }

  private static StopStrings stops(TextOptions options) {
    try {
      return new StopStrings(options.stop());
    } catch (IllegalArgumentException unusable) {
      throw new CommandFailure("--stop: " + unusable.getMessage(), unusable);
    }
  }

  @Override
  public void close() {
    router.close();
    tokenizer.close();
  }

  private sealed interface Event {}

  private record TokenCame(int id) implements Event {}

  private record Finished(GenerationListener.Finish finish) implements Event {}

  private record Failed(Status status) implements Event {}

  /**
   * Hands events from the engine's thread to ours. A generation has fewer events than its context
   * tokens.
   */
  private record Queueing(BlockingQueue<Event> events) implements GenerationListener {
    @Override
    public void onToken(GeneratedToken token) {
      events.add(new TokenCame(token.id()));
    }

    @Override
    public void onFinish(Finish finish) {
      events.add(new Finished(finish));
    }

    @Override
    public void onFailure(Status status) {
      events.add(new Failed(status));
    }
  }

  /** The text so far. */
  private static final class Answer {

    private final int promptTokens;
    private final IncrementalDecoder decoder;
    private final StopStrings stops;
    private final Consumer<String> onText;
    private final StringBuilder text = new StringBuilder();
    private final long start = System.nanoTime();
    private long firstAt;
    private int tokens;
    private String finishReason = "stop";

    Answer(
        int promptTokens, IncrementalDecoder decoder, StopStrings stops, Consumer<String> onText) {
      this.promptTokens = promptTokens;
      this.decoder = decoder;
      this.stops = stops;
      this.onText = onText;
    }

    /** Takes the next event. Returns whether it is the last. */
    boolean take(Event event) {
      return switch (event) {
        case TokenCame token -> {
          if (tokens++ == 0) {
            firstAt = System.nanoTime();
          }
          show(stops.append(decoder.append(token.id())));
          yield stops.stopped();
        }
        case Finished finished -> {
          finishReason =
              finished.finish().reason() == GenerationListener.Reason.LENGTH ? "length" : "stop";
          show(stops.append(decoder.flush()));
          if (!stops.stopped()) {
            show(stops.flush());
          }
          yield true;
        }
        case Failed failed ->
            throw new CommandFailure(
                failed.status().getCode() + ": " + failed.status().getDescription());
      };
    }

    private void show(String piece) {
      if (!piece.isEmpty()) {
        text.append(piece);
        onText.accept(piece);
      }
    }

    Generated result() {
      long end = System.nanoTime();
      return new Generated(
          text.toString(),
          promptTokens,
          tokens,
          finishReason,
          Duration.ofNanos((tokens == 0 ? end : firstAt) - start),
          Duration.ofNanos(end - start));
    }
  }
}
