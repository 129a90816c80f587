package dev.consilium.router.wire;

import dev.consilium.proto.router.v1.ExpertChoice;
import dev.consilium.proto.router.v1.ExpertTokenCount;
import dev.consilium.proto.router.v1.Finish;
import dev.consilium.proto.router.v1.FinishReason;
import dev.consilium.proto.router.v1.GenerateResponse;
import dev.consilium.proto.router.v1.NodeView;
import dev.consilium.proto.router.v1.StatusResponse;
import dev.consilium.proto.router.v1.Token;
import dev.consilium.proto.router.v1.TokenLogprob;
import dev.consilium.proto.router.v1.UtilisationResponse;
import dev.consilium.router.Router;
import dev.consilium.router.RouterState;
import dev.consilium.router.dispatch.NodeStatus;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.gating.ChosenExperts;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.sampling.Logprobs;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.GenerationListener;
import java.time.Duration;
import java.util.Optional;

/** Our records to contract messages. */
final class Responses {
  private Responses() {}

  static GenerateResponse token(GenerationListener.GeneratedToken generated) {
    Token.Builder token = Token.newBuilder().setId(generated.id());
    generated.logprobs().ifPresent(logprobs -> add(token, logprobs));
    for (ChosenExperts chosen : generated.experts()) {
      token.addExpertChoices(
          ExpertChoice.newBuilder()
              .setLayer(chosen.layer())
              .addAllExperts(chosen.experts())
              .addAllWeights(chosen.weights()));
    }
    return GenerateResponse.newBuilder().setToken(token).build();
  }

  private static void add(Token.Builder token, Logprobs logprobs) {
    token.setLogprob(logprobs.chosen());
    for (Logprobs.Entry entry : logprobs.top()) {
      token.addTopLogprobs(
          TokenLogprob.newBuilder().setId(entry.token()).setLogprob(entry.logprob()));
    }
  }

  static GenerateResponse finish(GenerationListener.Finish finish) {
    return GenerateResponse.newBuilder()
        .setFinish(
            Finish.newBuilder()
                .setReason(
                    switch (finish.reason()) {
                      case STOP -> FinishReason.FINISH_REASON_STOP;
                      case LENGTH -> FinishReason.FINISH_REASON_LENGTH;
                    })
                .setPromptTokens(finish.promptTokens())
                .setCompletionTokens(finish.completionTokens())
                .setQueueSeconds(seconds(finish.queued()))
                .setTimeToFirstTokenSeconds(seconds(finish.toFirstToken()))
                .setDecodeSeconds(seconds(finish.decoding())))
        .build();
  }

  private static double seconds(Duration duration) {
    return duration.toNanos() * 1e-9;
  }

  static StatusResponse status(RouterState state) {
    StatusResponse.Builder status =
        StatusResponse.newBuilder().setRouter(state.name()).setDraining(state.draining());
    Optional<String> notReady = state.notReadyReason();
    status.setReady(notReady.isEmpty());
    notReady.ifPresent(status::setNotReadyReason);
    status.setModelFingerprint(state.fingerprint());
    state.loaded().ifPresent(router -> describe(status, router));
    return status.build();
  }

  private static void describe(StatusResponse.Builder status, Router router) {
    Engine.Load load = router.engine().load();
    status
        .setContextLength(router.engine().contextLength())
        .setVocabularySize(router.engine().limits().vocabularySize())
        .setRunning(load.running())
        .setWaiting(load.waiting())
        .setWaitingLimit(router.engine().limits().waiting())
        .setKvBlocksTotal(load.totalBlocks())
        .setKvBlocksFree(load.freeBlocks())
        .setKvBlockTokens(KvPool.BLOCK_TOKENS);
    for (NodeStatus node : router.nodes()) {
      status.addNodes(view(node));
    }
  }

  private static NodeView view(NodeStatus node) {
    NodeView.Builder view =
        NodeView.newBuilder()
            .setAddress(node.address())
            .setConnected(node.description().isPresent())
            .setInFlight(node.inFlight());
    node.description()
        .ifPresent(described ->
            view.setNode(described.node())
                .setDevice(described.device())
                .setEpoch(described.epoch())
                .setExperts(described.held().size()));
    return view.build();
  }

  static UtilisationResponse utilisation(Utilisation utilisation) {
    UtilisationResponse.Builder response = UtilisationResponse.newBuilder();
    for (Utilisation.Count count : utilisation.counts()) {
      response.addCounts(
          ExpertTokenCount.newBuilder()
              .setLayer(count.layer())
              .setExpert(count.expert())
              .setNode(count.node())
              .setTokens(count.tokens()));
    }
    return response.build();
  }
}
