package dev.consilium.gateway.wire;

import dev.consilium.gateway.generation.Sampling;
import dev.consilium.gateway.generation.Settings;
import dev.consilium.gateway.generation.TokenRequest;
import dev.consilium.proto.router.v1.GenerateRequest;

/** Our sequences as router requests. */
final class RouterRequests {

  private RouterRequests() {}

  static GenerateRequest encode(TokenRequest request, Iterable<Integer> stopTokens) {
    Settings settings = request.settings();
    GenerateRequest.Builder message =
        GenerateRequest.newBuilder()
            .setRequestId(request.requestId())
            .addAllStopTokens(stopTokens)
            .setIgnoreStopTokens(settings.ignoreEndOfText())
            .setSampling(encode(settings.sampling()))
            .setExpertTrace(settings.expertTrace());
    request.prompt().forEach(message::addPromptTokens);
    settings.maxTokens().ifPresent(message::setMaxTokens);
    settings.topLogprobs().ifPresent(message::setTopLogprobs);
    return message.build();
  }

  private static dev.consilium.proto.router.v1.Sampling encode(Sampling sampling) {
    dev.consilium.proto.router.v1.Sampling.Builder message =
        dev.consilium.proto.router.v1.Sampling.newBuilder()
            .setTemperature(sampling.temperature())
            .setTopK(sampling.truncation().topK())
            .setTopP(sampling.truncation().topP())
            .setMinP(sampling.truncation().minP())
            .setRepetitionPenalty(sampling.penalties().repetition())
            .setPresencePenalty(sampling.penalties().presence())
            .setFrequencyPenalty(sampling.penalties().frequency())
            .putAllLogitBias(sampling.logitBias());
    sampling.seed().ifPresent(message::setSeed);
    return message.build();
  }
}
