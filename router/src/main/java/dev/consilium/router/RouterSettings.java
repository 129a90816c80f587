package dev.consilium.router;

import dev.consilium.model.expert.RoundTo;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** What a router is configured with. */
@ConfigMapping(prefix = "consilium.router")
public interface RouterSettings {

  /** Name of this router, unique in the cluster. Unset: host name and port. */
  Optional<String> name();

  /** Address to listen on. */
  @WithDefault("0.0.0.0")
  String host();

  /** Port of the gRPC service; 0: any free one. */
  @WithDefault("9100")
  int port();

  /**
   * Expert nodes, separated by commas: {@code host:port} for one, {@code dns:///name:port} for all
   * addresses behind a name. Needed unless {@code local-experts} is {@code ALL}.
   */
  Optional<String> nodes();

  /** Which experts this router holds itself. */
  @WithDefault("NONE")
  LocalExperts localExperts();

  /** Threads that compute; 0: one for each core that the process may run on. */
  @WithDefault("0")
  int threads();

  /** What hidden states and expert outputs are rounded to between router and expert nodes. */
  @WithDefault("F32")
  RoundTo wireDtype();

  /**
   * What keys and values are kept as: {@code auto}, {@code f32}, {@code f16}, {@code bf16} or
   * {@code q8_0}. Auto is f32 for checkpoints whose weights are all f32, and f16 for others.
   */
  @WithDefault("auto")
  String kvDtype();

  /** Tokens that the KV cache holds, over all sequences. */
  @WithDefault("32768")
  int kvCacheTokens();

  /** Most tokens in one step. */
  @WithDefault("512")
  int maxBatchTokens();

  /** Most prompt tokens of one sequence in one step. */
  @WithDefault("256")
  int prefillChunk();

  /** Most sequences in the running batch. */
  @WithDefault("64")
  int maxRunning();

  /** Most requests that wait for a place in the batch; more are refused with RESOURCE_EXHAUSTED. */
  @WithDefault("256")
  int waitingLimit();

  /** Wait for an expert node's answer, after which it counts as gone. */
  @WithDefault("10s")
  Duration dispatchTimeout();

  /** Time between two looks at what the expert nodes hold. */
  @WithDefault("1s")
  Duration nodeRefresh();

  /** Which experts a router holds itself. */
  enum LocalExperts {
    /** None: expert nodes hold them. */
    NONE,
    /** All: a complete engine in one process. */
    ALL
  }
}
