package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Completion;
import dev.consilium.gateway.generation.Delta;
import dev.consilium.gateway.generation.SampledToken;
import dev.consilium.gateway.generation.ServedModel;
import dev.consilium.proto.inference.v1.ExpertChoice;
import dev.consilium.proto.inference.v1.Finish;
import dev.consilium.proto.inference.v1.FinishReason;
import dev.consilium.proto.inference.v1.GenerateResponse;
import dev.consilium.proto.inference.v1.GeneratedToken;
import dev.consilium.proto.inference.v1.TextDelta;
import dev.consilium.proto.inference.v1.TokenLogprob;
import java.time.Duration;

/** Our events as messages of the public service. */
final class PublicResponses {
  private static final double NANOS = 1e9;

  private PublicResponses() {}

  static GenerateResponse encode(Delta delta, ServedModel model) {
    TextDelta.Builder message = TextDelta.newBuilder().setText(delta.text());
    delta.tokens().forEach(placed -> message.addTokens(token(placed.token(), model)));
    return GenerateResponse.newBuilder().setDelta(message).build();
  }

  private static GeneratedToken token(SampledToken token, ServedModel model) {
    GeneratedToken.Builder message = GeneratedToken.newBuilder().setId(token.id());
    token.logprob().ifPresent(logprob -> message.setLogprob((float) logprob));
    for (SampledToken.Alternative each : token.alternatives()) {
      message.addTopLogprobs(
          TokenLogprob.newBuilder()
              .setId(each.id())
              .setLogprob((float) each.logprob())
              .setText(model.tokenText(each.id())));
    }
    for (SampledToken.ExpertChoice each : token.experts()) {
      message.addExpertChoices(
          ExpertChoice.newBuilder()
              .setLayer(each.layer())
              .addAllExperts(each.experts())
              .addAllWeights(each.weights()));
    }
    return message.build();
  }

  static GenerateResponse encode(Completion completion, int promptTokens) {
    FinishReason reason =
        switch (completion.reason()) {
          case STOP -> FinishReason.FINISH_REASON_STOP;
          case LENGTH -> FinishReason.FINISH_REASON_LENGTH;
        };
    Finish.Builder message =
        Finish.newBuilder()
            .setReason(reason)
            .setPromptTokens(promptTokens)
            .setCompletionTokens(completion.completionTokens())
            .setCachedTokens(completion.cachedTokens())
            .setTimeToFirstTokenSeconds(seconds(completion.timing().firstToken()))
            .setTotalSeconds(seconds(completion.timing().total()));
    return GenerateResponse.newBuilder().setFinish(message).build();
  }

  private static double seconds(Duration time) {
    return time.toNanos() / NANOS;
  }
}
