package dev.consilium.router;

import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.expert.ExpertBank;
import dev.consilium.model.expert.ExpertComputation;
import dev.consilium.model.expert.ExpertId;
import dev.consilium.model.expert.RoundTo;
import dev.consilium.router.dispatch.ExpertDispatcher;
import dev.consilium.router.dispatch.LocalExperts;
import dev.consilium.router.dispatch.Utilisation;
import dev.consilium.router.forward.ForwardPass;
import dev.consilium.router.forward.RouterWeights;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.scheduling.Engine;
import dev.consilium.router.scheduling.EngineLimits;
import dev.consilium.router.scheduling.EngineLimits.StepLimits;
import dev.consilium.router.scheduling.EngineObserver;
import dev.consilium.tensor.CpuDevice;
import dev.consilium.tensor.KvDType;
import dev.consilium.testkit.Fixtures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** An engine over a tiny real model, whose experts a test may put something in front of. */
public final class TinyEngine implements AutoCloseable {
  public static final String MODEL = "mixtral";

  private final Utilisation utilisation = new Utilisation();
  private final CpuDevice device = new CpuDevice(2);
  private final RouterWeights weights;
  private final ExpertBank bank;
  private final KvPool pool;
  private final Engine engine;

  /**
   * How to put one together.
   *
   * @param model directory of the model
   * @param blocks of the KV pool
   * @param waiting most requests that may wait
   * @param step bounds of a step
   * @param before puts something in front of the experts
   */
  public record Setup(
      Path model,
      int blocks,
      int waiting,
      StepLimits step,
      UnaryOperator<ExpertDispatcher> before,
      EngineObserver observer) {

    /** Blocks for 1024 tokens, room for 64 that wait, nothing in front of the experts. */
    public static final Setup PLAIN =
        new Setup(
            Fixtures.model(MODEL),
            64,
            64,
            new StepLimits(32, 8, 8),
            UnaryOperator.identity(),
            EngineObserver.NONE);

    public Setup withModel(Path other) {
      return new Setup(other, blocks, waiting, step, before, observer);
    }

    public Setup withBlocks(int other) {
      return new Setup(model, other, waiting, step, before, observer);
    }

    public Setup withWaiting(int other) {
      return new Setup(model, blocks, other, step, before, observer);
    }

    public Setup withRunning(int most) {
      return new Setup(model, blocks, waiting, new StepLimits(32, 8, most), before, observer);
    }

    public Setup behind(UnaryOperator<ExpertDispatcher> other) {
      return new Setup(model, blocks, waiting, step, other, observer);
    }

    public Setup observedBy(EngineObserver other) {
      return new Setup(model, blocks, waiting, step, before, other);
    }

    public TinyEngine start() {
      return new TinyEngine(this);
    }
  }

  private TinyEngine(Setup setup) {
    try (Checkpoint checkpoint = Checkpoint.open(setup.model())) {
      weights = RouterWeights.load(checkpoint, device);
      bank = new ExpertBank(checkpoint);
      bank.load(experts(checkpoint));
      pool =
          new KvPool(
              ForwardPass.cacheLayout(checkpoint.spec(), KvDType.F32),
              setup.blocks(),
              setup.step().running(),
              setup.step().batchTokens());
      ExpertDispatcher experts =
          setup
              .before()
              .apply(new LocalExperts("local", bank, new ExpertComputation(device), RoundTo.F32));
      ForwardPass forward =
          new ForwardPass(
              weights,
              device,
              experts,
              RoundTo.F32,
              KvDType.F32,
              utilisation,
              setup.step().batchTokens());
      EngineLimits limits =
          new EngineLimits(
              checkpoint.spec().contextLength(),
              checkpoint.spec().vocabularySize(),
              setup.waiting(),
              setup.step());
      engine = new Engine(forward, device, pool, limits, setup.observer(), System::nanoTime);
    }
  }

  private static List<ExpertId> experts(Checkpoint checkpoint) {
    List<ExpertId> all = new ArrayList<>();
    checkpoint
        .spec()
        .expertCounts()
        .forEach((layer, count) -> {
          for (int index = 0; index < count; index++) {
            all.add(new ExpertId(layer, index));
          }
        });
    return all;
  }

  public Engine engine() {
    return engine;
  }

  public Utilisation utilisation() {
    return utilisation;
  }

  @Override
  public void close() {
    engine.close();
    pool.close();
    bank.close();
    weights.close();
    device.close();
  }
}
