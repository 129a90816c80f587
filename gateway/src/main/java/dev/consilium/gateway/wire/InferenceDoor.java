package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Admission;
import dev.consilium.gateway.generation.ChatRenderer;
import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Engine;
import dev.consilium.gateway.generation.Fault;
import dev.consilium.gateway.generation.GenerationRequest;
import dev.consilium.gateway.generation.ModelCard;
import dev.consilium.gateway.generation.RequestException;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.gateway.generation.Settings;
import dev.consilium.gateway.generation.TokenIds;
import dev.consilium.gateway.generation.Usage;
import dev.consilium.gateway.observation.RequestObserver;
import dev.consilium.gateway.observation.RequestObserver.Operation;
import dev.consilium.proto.inference.v1.ChatRequest;
import dev.consilium.proto.inference.v1.GenerateRequest;
import dev.consilium.proto.inference.v1.GenerateResponse;
import dev.consilium.proto.inference.v1.GenerationOptions;
import dev.consilium.proto.inference.v1.InferenceServiceGrpc;
import dev.consilium.proto.inference.v1.ListModelsRequest;
import dev.consilium.proto.inference.v1.ListModelsResponse;
import dev.consilium.proto.inference.v1.Message;
import dev.consilium.proto.inference.v1.Model;
import dev.consilium.proto.inference.v1.TokeniseRequest;
import dev.consilium.proto.inference.v1.TokeniseResponse;
import dev.consilium.proto.inference.v1.UtilisationRequest;
import dev.consilium.proto.inference.v1.UtilisationResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.context.Context;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

/** The public gRPC service: the same engine as behind HTTP, in messages of its own contract. */
public final class InferenceDoor extends InferenceServiceGrpc.InferenceServiceImplBase {

  /** What calls are served with. */
  public record Parts(
      ServedModel model, Engine engine, Admission admission, RequestObserver observer) {}

  private final Parts parts;
  private final UtilisationFeed utilisation;
  private final Duration stall;
  private final ExecutorService threads;

  /** {@code threads} must be able to block: each call runs on one of them. */
  public InferenceDoor(
      Parts parts, UtilisationFeed utilisation, Duration stall, ExecutorService threads) {
    this.parts = parts;
    this.utilisation = utilisation;
    this.stall = stall;
    this.threads = threads;
  }

  @Override
  public void generate(GenerateRequest request, StreamObserver<GenerateResponse> observer) {
    start(
        observer,
        Operation.TEXT_COMPLETION,
        () -> {
          requireModel(request.getModel());
          TokenIds prompt = parts.model().prompt(request.getPrompt(), "prompt");
          return request("cmpl-", prompt, request.getOptions());
        });
  }

  @Override
  public void chat(ChatRequest request, StreamObserver<GenerateResponse> observer) {
    start(
        observer,
        Operation.CHAT,
        () -> {
          requireModel(request.getModel());
          TokenIds prompt = parts.model().render(conversation(request.getMessagesList()));
          return request("chatcmpl-", prompt, request.getOptions());
        });
  }

  private void requireModel(String name) {
    if (!name.isEmpty()) {
      parts.model().card().require(name);
    }
  }

  private static ChatRenderer.Conversation conversation(List<Message> messages) {
    if (messages.isEmpty()) {
      throw Fault.invalid(
              "messages", "invalid_value", "messages must have at least one message; found none")
          .exception();
    }
    List<ChatRenderer.Turn> turns = new ArrayList<>();
    for (Message message : messages) {
      if (message.getRole().isEmpty()) {
        throw Fault.invalid(
                "messages[%d].role".formatted(turns.size()), "invalid_value", "a role is empty")
            .exception();
      }
      turns.add(new ChatRenderer.Turn(message.getRole(), message.getContent(), Optional.empty()));
    }
    return new ChatRenderer.Conversation(turns, Map.of());
  }

  private GenerationRequest request(String prefix, TokenIds prompt, GenerationOptions options) {
    ModelCard card = parts.model().card();
    Settings settings =
        new OptionsDecoder(options, card.vocabularySize()).decode(parts.model().defaults());
    return new GenerationRequest(prefix + UUID.randomUUID(), List.of(prompt), 1, settings);
  }

  private void start(
      StreamObserver<GenerateResponse> observer,
      Operation operation,
      Supplier<GenerationRequest> preparation) {
    PublicCall call = new PublicCall((ServerCallStreamObserver<GenerateResponse>) observer);
    try {
      threads.execute(Context.current().wrap(() -> serve(call, operation, preparation)));
    } catch (RejectedExecutionException stopping) {
      call.caller().onError(Faults.stopping());
    }
  }

  private void serve(
      PublicCall call, Operation operation, Supplier<GenerationRequest> preparation) {
    try (Admission.Ticket _ = parts.admission().admit()) {
      run(call, operation, preparation.get());
      call.caller().onCompleted();
    } catch (RequestException e) {
      parts.observer().refused(operation, e.fault());
      call.caller().onError(Faults.status(e.fault()).asRuntimeException());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      call.caller().onError(Faults.stopping());
    } catch (RuntimeException | Error e) {
      // The server's own interceptor logs it and answers INTERNAL.
      call.caller().onError(e);
    }
  }

  private void run(PublicCall call, Operation operation, GenerationRequest request)
      throws InterruptedException {
    parts.observer().started(operation);
    parts.observer().describe(operation, request);
    boolean complete = false;
    try {
      CallSink sink = new CallSink(call, parts.model(), request.promptTokens(), stall);
      List<Completion> choices = parts.engine().run(request, call.cancellation(), sink);
      complete = true;
      parts.observer().completed(operation, Usage.of(request, choices), choices);
    } finally {
      if (!complete) {
        parts.observer().ended(operation);
      }
    }
  }

  @Override
  public void tokenise(TokeniseRequest request, StreamObserver<TokeniseResponse> observer) {
    answer(
        observer,
        () -> {
          // A long text is work: it counts as a sequence while it is done.
          try (Admission.Ticket _ = parts.admission().admit()) {
            requireModel(request.getModel());
            TokeniseResponse.Builder response = TokeniseResponse.newBuilder();
            parts
                .model()
                .encode(request.getText(), request.getAddSpecialTokens(), "text")
                .forEach(response::addTokens);
            return response.build();
          }
        });
  }

  @Override
  public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> observer) {
    ModelCard card = parts.model().card();
    answer(
        observer,
        () ->
            ListModelsResponse.newBuilder()
                .addModels(
                    Model.newBuilder()
                        .setId(card.id())
                        .setContextLength(card.contextLength())
                        .setVocabularySize(card.vocabularySize()))
                .build());
  }

  private static <T> void answer(StreamObserver<T> observer, Supplier<T> response) {
    try {
      observer.onNext(response.get());
      observer.onCompleted();
    } catch (RequestException e) {
      observer.onError(Faults.status(e.fault()).asRuntimeException());
    }
  }

  @Override
  public void utilisation(
      UtilisationRequest request, StreamObserver<UtilisationResponse> observer) {
    utilisation.start(
        Integer.toUnsignedLong(request.getIntervalMillis()),
        (ServerCallStreamObserver<UtilisationResponse>) observer,
        threads);
  }
}
