package dev.consilium.router.forward;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.router.dispatch.LayerDispatch.TracedRows;
import dev.consilium.router.kvcache.CacheLayout;
import dev.consilium.router.kvcache.KvPool;
import dev.consilium.router.kvcache.LayerCache;
import dev.consilium.router.kvcache.SequenceCache;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BatchRowsTest {
  private static final int[] TOKENS = {10, 11, 12, 13, 14, 15};

  private final KvPool pool =
      new KvPool(new CacheLayout(List.of(LayerCache.ofBlocks(2048))), 1, 1, 16);

  @AfterEach
  void close() {
    pool.close();
  }

  @Test
  void rows_slices_lieBehindEachOther() {
    BatchRows batch =
        new BatchRows(
            List.of(
                slice(2, 3, BatchSlice.Logits.NONE, Context.root()),
                slice(5, 1, BatchSlice.Logits.NONE, Context.root()),
                slice(0, 2, BatchSlice.Logits.NONE, Context.root())));
    assertThat(batch.count).isEqualTo(6);
    assertThat(batch.slice).containsExactly(0, 0, 0, 1, 2, 2);
    assertThat(batch.position).containsExactly(2, 3, 4, 5, 0, 1);
    assertThat(batch.all).containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(batch.token(1)).isEqualTo(13);
    assertThat(batch.token(4)).isEqualTo(10);
    assertThat(batch.firstRow(2)).isEqualTo(4);
    assertThat(batch.lastRow(0)).isEqualTo(2);
  }

  @Test
  void runs_slicesAcrossBlocks_areCutAtBlocksAndSlices() {
    BatchRows batch =
        new BatchRows(
            List.of(
                slice(14, 19, BatchSlice.Logits.NONE, Context.root()),
                slice(16, 1, BatchSlice.Logits.NONE, Context.root()),
                slice(0, 16, BatchSlice.Logits.NONE, Context.root())));
    assertThat(batch.runs)
        .containsExactly(
            new BatchRows.Run(0, 0, 2),
            new BatchRows.Run(0, 2, 18),
            new BatchRows.Run(0, 18, 19),
            new BatchRows.Run(1, 19, 20),
            new BatchRows.Run(2, 20, 36));
  }

  @Test
  void logitsRows_wishes_lastOrAllOrNone() {
    BatchRows batch =
        new BatchRows(
            List.of(
                slice(0, 3, BatchSlice.Logits.LAST, Context.root()),
                slice(0, 2, BatchSlice.Logits.NONE, Context.root()),
                slice(0, 2, BatchSlice.Logits.ALL, Context.root())));
    assertThat(batch.logitsRows()).containsExactly(2, 5, 6);
  }

  @Test
  void traced_onlySampledSlices_withTheirRows() {
    Context sampled = context(TraceFlags.getSampled());
    BatchRows batch =
        new BatchRows(
            List.of(
                slice(0, 2, BatchSlice.Logits.NONE, Context.root()),
                slice(0, 3, BatchSlice.Logits.NONE, sampled),
                slice(0, 1, BatchSlice.Logits.NONE, context(TraceFlags.getDefault()))));
    assertThat(batch.traced()).containsExactly(new TracedRows(sampled, 2, 5));
  }

  private BatchSlice slice(int from, int count, BatchSlice.Logits logits, Context trace) {
    return new BatchSlice(
        new SequenceCache(pool), TOKENS, from, count, from + count, logits, false, trace);
  }

  private static Context context(TraceFlags flags) {
    return Context.root()
        .with(
            Span.wrap(
                SpanContext.create(
                    "0af7651916cd43dd8448eb211c80319c",
                    "b7ad6b7169203331",
                    flags,
                    TraceState.getDefault())));
  }
}
