package dev.consilium.serving;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ParentWatchTest {

  @Test
  void watch_streamEnds_runsOnceAfterTheEnd() throws Exception {
    PipedOutputStream parent = new PipedOutputStream();
    CountDownLatch ended = new CountDownLatch(1);
    Thread watch = ParentWatch.watch(new PipedInputStream(parent), ended::countDown);
    parent.write(new byte[] {1, 2, 3});
    parent.flush();
    assertThat(ended.getCount()).isEqualTo(1);
    parent.close();
    assertThat(ended.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(watch.isDaemon()).isTrue();
  }
}
