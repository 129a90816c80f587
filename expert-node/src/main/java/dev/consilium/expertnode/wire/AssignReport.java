package dev.consilium.expertnode.wire;

import dev.consilium.expertnode.loading.Progress;
import dev.consilium.proto.expert.v1.AssignProgress;
import io.grpc.stub.ServerCallStreamObserver;

/**
 * Streams how loading goes on. A caller that does not read misses messages in between: they are not
 * queued for it. Used by the loading thread alone.
 */
final class AssignReport implements Progress {

  private final ServerCallStreamObserver<AssignProgress> call;
  private AssignProgress latest = AssignProgress.getDefaultInstance();

  AssignReport(ServerCallStreamObserver<AssignProgress> call) {
    this.call = call;
  }

  @Override
  public boolean loaded(int experts, int expertsToLoad, long bytes) {
    latest =
        AssignProgress.newBuilder()
            .setExpertsLoaded(experts)
            .setExpertsToLoad(expertsToLoad)
            .setBytesLoaded(bytes)
            .build();
    if (call.isReady()) {
      call.onNext(latest);
    }
    return !call.isCancelled();
  }

  /** The message that says that the change is in force. */
  AssignProgress last(long epoch) {
    return latest.toBuilder().setDone(true).setEpoch(epoch).build();
  }
}
