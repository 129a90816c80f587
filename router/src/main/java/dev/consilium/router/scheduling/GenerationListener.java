package dev.consilium.router.scheduling;

import dev.consilium.router.gating.ChosenExperts;
import dev.consilium.router.sampling.Logprobs;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Hears what becomes of a request: any number of tokens, then exactly one of {@link #onFinish} and
 * {@link #onFailure}; nothing after a cancellation. Called on the engine's thread: must not block.
 */
public interface GenerationListener {
  void onToken(GeneratedToken token);

  void onFinish(Finish finish);

  void onFailure(Status status);

  /**
   * One generated token.
   *
   * @param id the token
   * @param logprobs if asked for
   * @param experts if a trace was asked for: the experts of the position that produced the token,
   *     MoE layers ascending
   */
  record GeneratedToken(int id, Optional<Logprobs> logprobs, List<ChosenExperts> experts) {}

  /** Why a sequence ended. */
  enum Reason {
    STOP,
    LENGTH
  }

  /**
   * The end of a sequence.
   *
   * @param completionTokens tokens sent
   * @param queued from submission to the first step
   * @param toFirstToken from submission to the first token
   * @param decoding from the first to the last token
   */
  record Finish(
      Reason reason,
      int promptTokens,
      int completionTokens,
      Duration queued,
      Duration toFirstToken,
      Duration decoding) {}
}
