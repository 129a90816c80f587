package dev.consilium.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TileMemoryTest {

  @Test
  void take_allTaken_waitsForTheOneGivenBack() throws Exception {
    Set<Integer> taken = new HashSet<>();
    try {
      for (int i = 0; i < TileMemory.SLOTS; i++) {
        taken.add(TileMemory.take(0));
      }
      assertThat(taken).hasSize(TileMemory.SLOTS);
      CompletableFuture<Integer> next = CompletableFuture.supplyAsync(() -> TileMemory.take(0));
      int given = TileMemory.SLOTS - 1;
      TileMemory.giveBack(given);
      assertThat(next.get(1, TimeUnit.MINUTES)).isEqualTo(given);
    } finally {
      taken.forEach(TileMemory::giveBack);
    }
  }

  @Test
  void take_preferredIsFree_isThatOne() {
    int slot = TileMemory.take(1);
    TileMemory.giveBack(slot);
    assertThat(slot).isEqualTo(1);
  }
}
