package dev.consilium.gateway.generation;

import java.util.concurrent.locks.ReentrantLock;

/** Lets the choices of a request at their common sink one at a time. */
final class SerialSink implements GenerationSink {
  private final GenerationSink sink;
  private final ReentrantLock lock = new ReentrantLock();

  SerialSink(GenerationSink sink) {
    this.sink = sink;
  }

  @Override
  public void delta(int choice, Delta delta) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      sink.delta(choice, delta);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void finish(int choice, Completion completion) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      sink.finish(choice, completion);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void flush() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      sink.flush();
    } finally {
      lock.unlock();
    }
  }
}
