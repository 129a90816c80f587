package dev.consilium.expertnode;

import dev.consilium.serving.ByteSize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** What an expert node is configured with, beside {@code ProcessSettings}. */
@ConfigMapping(prefix = "consilium.node")
public interface NodeSettings {

  /** Name, unique in the cluster. Unset: {@code HOSTNAME} and port. */
  Optional<String> name();

  /** Address to listen on. */
  @WithDefault("0.0.0.0")
  String host();

  /** Port to listen on; 0: a free one. */
  @WithDefault("9200")
  int port();

  /**
   * The part of all experts to load at start: {@code "0/2"} the first of two, {@code "none"}
   * nothing.
   */
  @WithDefault("0/1")
  String share();

  /** Threads that compute. Unset: one for each core that the process may run on. */
  OptionalInt threads();

  /** Most memory for weights. Unset: three quarters of the machine's, or the container's. */
  Optional<ByteSize> memoryBudget();

  /** Most dispatches waiting. */
  @WithDefault("4096")
  int queueLimit();

  /** Most bytes of hidden states and answers of waiting dispatches. */
  @WithDefault("512MiB")
  ByteSize queueMemory();

  /** Most bytes held here for one router's stream, before it is no longer read. */
  @WithDefault("128MiB")
  ByteSize streamMemory();

  /**
   * Most tokens in one dispatch; fewer if they would not fit {@code consilium.grpc.max-message}.
   */
  @WithDefault("4096")
  int maxTokensPerDispatch();

  /** Most pairs of token and expert that are gathered into one computation. */
  @WithDefault("16384")
  int maxGatheredAssignments();

  /** How long a dispatch that names no time may wait. */
  @WithDefault("30s")
  Duration dispatchTimeout();

  /**
   * Placement epoch before the first load. Unset: the clock, in ms, so that a restart raises it.
   */
  OptionalLong epoch();
}
