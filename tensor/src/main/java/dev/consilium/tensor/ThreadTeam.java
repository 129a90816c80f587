package dev.consilium.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Threads that run the tasks of one parallel region after another.
 *
 * <p>A region wakes in a microsecond when regions follow each other closely: a worker that runs out
 * of tasks spins for a fraction of a millisecond before it parks, so an idle team burns nothing.
 * Tasks are claimed one by one in ascending order, by the workers and the caller alike: of all
 * tasks, or each thread of a stretch of its own first and of the others' when that is done.
 *
 * <p>A thread that waits meanwhile does {@link IdleWork}, if there is any.
 *
 * <p>Threading: {@link #run} may be called from any thread; regions of several callers follow one
 * another. A task must not run a region of its own team.
 */
public final class ThreadTeam implements AutoCloseable {
  /**
   * Longer than the engine takes between two regions of a step: waking a parked thread costs more
   * than the region that it is woken for.
   */
  private static final long SPIN_NANOS = 200_000;

  /** Spins between two looks at the clock. */
  private static final int SPINS = 64;

  /** Something useful, but not needed, that a thread does while it waits. */
  interface IdleWork {
    IdleWork NONE = thread -> false;

    /**
     * Does some of it, for less than a microsecond.
     *
     * @param thread that waits: 0 is the caller of {@link #run}, others count from 1
     * @return false when nothing is left to do for this thread
     */
    boolean step(int thread);
  }

  /** The team whose region the thread is in. */
  private static final ThreadLocal<@Nullable ThreadTeam> INSIDE = new ThreadLocal<>();

  private final String name;
  private final List<Worker> workers = new ArrayList<>();
  private final ReentrantLock lock = new ReentrantLock(true);
  private volatile Region current = Region.NONE;
  private volatile IdleWork idleWork = IdleWork.NONE;
  private volatile boolean closed;

  /**
   * @param name prefix of the names of the threads
   * @param threads threads that compute, the caller of {@link #run} among them; 1 or more
   */
  public ThreadTeam(String name, int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("a team of " + threads + " threads; expected >= 1");
    }
    this.name = name;
    for (int i = 1; i < threads; i++) {
      workers.add(new Worker(i));
    }
    workers.forEach(Thread::start);
  }

  /** Threads that compute, the caller among them. */
  public int threads() {
    return workers.size() + 1;
  }

  /** What threads do from now on while they wait. */
  void whileIdle(IdleWork work) {
    idleWork = work;
  }

  /**
   * Calls {@code body} with 0 to {@code tasks - 1}, each once, and returns when all calls ended.
   *
   * <p>Every task runs even if others fail; the failure of the first that failed is then thrown,
   * the others attached to it.
   *
   * @throws IllegalStateException from a task of the same team, or after {@link #close}
   */
  public void run(int tasks, IntConsumer body) {
    run(tasks, 1, body);
  }

  /**
   * As {@link #run}, for tasks of one size that touch memory one after the other: thread t of T
   * begins at task {@code tasks * t / T}, and goes on from there.
   */
  void runStretches(int tasks, IntConsumer body) {
    run(tasks, threads(), body);
  }

  private void run(int tasks, int stretches, IntConsumer body) {
    if (tasks < 0) {
      throw new IllegalArgumentException(tasks + " tasks; expected >= 0");
    }
    ThreadTeam outer = enter();
    try {
      Region region = new Region(tasks, stretches, body);
      if (workers.isEmpty()) {
        region.work(0);
      } else {
        runTogether(region);
      }
      region.rethrow();
    } finally {
      INSIDE.set(outer);
    }
  }

  private @Nullable ThreadTeam enter() {
    ThreadTeam outer = INSIDE.get();
    if (outer == this) {
      throw new IllegalStateException(
          "a task of team " + name + " started a region of the same team: split the outer region");
    }
    if (closed) {
      throw new IllegalStateException("team " + name + " is closed");
    }
    INSIDE.set(this);
    return outer;
  }

  private void runTogether(Region region) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("team " + name + " is closed");
      }
      if (region.tasks > 1) {
        current = region;
        wake(region.tasks - 1);
      }
      region.work(0);
      region.awaitEnd(idleWork);
    } finally {
      // Do not keep the body, and what it refers to, alive until the next region.
      current = Region.NONE;
      lock.unlock();
    }
  }

  private void wake(int wanted) {
    for (Worker worker : workers) {
      if (wanted-- == 0) {
        return;
      }
      worker.wake();
    }
  }

  /** Waits for the region in progress, then ends the threads. Closing twice does nothing more. */
  @Override
  public void close() {
    if (INSIDE.get() == this) {
      throw new IllegalStateException("a task of team " + name + " closed its own team");
    }
    lock.lock();
    try {
      closed = true;
      workers.forEach(LockSupport::unpark);
    } finally {
      lock.unlock();
    }
    workers.forEach(ThreadTeam::joinUninterruptibly);
  }

  private static void joinUninterruptibly(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** A thread of the team, which waits for regions and works on them. */
  private final class Worker extends Thread {
    private final int number;
    private volatile boolean parked;

    Worker(int number) {
      super(name + "-" + number);
      this.number = number;
      setDaemon(true);
    }

    @Override
    public void run() {
      INSIDE.set(ThreadTeam.this);
      Region last = Region.NONE;
      while (!closed) {
        last = awaitRegionAfter(last);
        last.work(number);
      }
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(this);
      }
    }

    /**
     * The current region when it is another than {@code last}; NONE when there is none for long.
     */
    private Region awaitRegionAfter(Region last) {
      long start = System.nanoTime();
      do {
        for (int i = 0; i < SPINS; i++) {
          Region region = current;
          if (region != last && region != Region.NONE) {
            return region;
          }
          if (!idleWork.step(number)) {
            Thread.onSpinWait();
          }
        }
      } while (System.nanoTime() - start < SPIN_NANOS);
      return park(last);
    }

    private Region park(Region last) {
      parked = true;
      // Looked at after the flag is up: whoever sets a region or closes either sees the flag, or
      // did so before this look.
      Region region = current;
      while (!closed && (region == last || region == Region.NONE)) {
        LockSupport.park(ThreadTeam.this);
        Thread.interrupted(); // an interrupt has no meaning here, and would keep park from waiting
        region = current;
      }
      parked = false;
      return region;
    }
  }

  /** The tasks of one call of {@link #run}. */
  private static final class Region {
    private static final int MAX_FAILURES = 16;

    /** Between counters: two cache lines, since processors fetch lines in pairs. */
    private static final int APART = 128 / Integer.BYTES;

    static final Region NONE = new Region(0, 1, task -> {});

    private final int tasks;
    private final IntConsumer body;

    private final int stretches;

    /** The next task of stretch s, at {@code (s + 1) * APART}. */
    private final AtomicIntegerArray next;

    private final AtomicInteger ended = new AtomicInteger();
    private final Thread caller = Thread.currentThread();
    private final List<Throwable> failures = new ArrayList<>();
    private volatile boolean callerParked;

    Region(int tasks, int stretches, IntConsumer body) {
      this.tasks = tasks;
      this.body = body;
      this.stretches = stretches;
      this.next = new AtomicIntegerArray((stretches + 2) * APART);
      for (int i = 0; i < stretches; i++) {
        next.setPlain((i + 1) * APART, begin(i));
      }
    }

    private int begin(int stretch) {
      return (int) ((long) tasks * stretch / stretches);
    }

    /** Claims and runs tasks until none is left, those of the thread's own stretch first. */
    void work(int thread) {
      int ran = 0;
      for (int i = 0; i < stretches; i++) {
        int stretch = (thread + i) % stretches;
        ran += work((stretch + 1) * APART, begin(stretch + 1));
      }
      if (ran > 0 && ended.addAndGet(ran) == tasks && callerParked) {
        LockSupport.unpark(caller);
      }
    }

    private int work(int counter, int end) {
      int ran = 0;
      // The look before the claim keeps the counter from running on past the last task.
      while (next.get(counter) < end) {
        int task = next.getAndIncrement(counter);
        if (task < end) {
          runTask(task);
          ran++;
        }
      }
      return ran;
    }

    @SuppressWarnings("CatchingUnchecked") // a task may throw anything: the region must still end
    private void runTask(int task) {
      try {
        body.accept(task);
      } catch (Throwable failure) {
        addFailure(failure);
      }
    }

    private synchronized void addFailure(Throwable failure) {
      if (failures.size() < MAX_FAILURES && !failures.contains(failure)) {
        failures.add(failure);
      }
    }

    void awaitEnd(IdleWork idleWork) {
      long start = System.nanoTime();
      while (ended.get() < tasks && System.nanoTime() - start < SPIN_NANOS) {
        for (int i = 0; i < SPINS && ended.get() < tasks; i++) {
          if (!idleWork.step(0)) {
            Thread.onSpinWait();
          }
        }
      }
      parkUntilEnd();
    }

    private void parkUntilEnd() {
      boolean interrupted = false;
      callerParked = true;
      while (ended.get() < tasks) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }

    synchronized void rethrow() {
      if (failures.isEmpty()) {
        return;
      }
      Throwable first = failures.getFirst();
      for (Throwable other : failures.subList(1, failures.size())) {
        first.addSuppressed(other);
      }
      switch (first) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException("a task threw a checked exception", first);
      }
    }
  }
}
