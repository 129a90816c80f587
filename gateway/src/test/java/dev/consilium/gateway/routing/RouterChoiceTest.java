package dev.consilium.gateway.routing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.gateway.routing.RouterView.Report;
import dev.consilium.serving.Target;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RouterChoiceTest {
  private static final String MODEL = "m";
  private static final Target A = new Target("a", 1, false);
  private static final Target B = new Target("b", 1, false);

  private static RouterStatus status(int load) {
    return new RouterStatus("r", MODEL, 512, load, 0.5, true, "", false);
  }

  private static RouterView view(
      Target address, RouterStatus status, int ownAtReport, int ownNow, long lastChosen) {
    return new RouterView(address, new Report.Answered(status), ownAtReport, ownNow, lastChosen);
  }

  private static Target chosen(RouterView... views) {
    return RouterChoice.choose(List.of(views), MODEL, Set.of()).orElseThrow().address();
  }

  @Test
  void choose_differentLoad_takesLess() {
    assertThat(chosen(view(A, status(5), 0, 0, 0), view(B, status(4), 0, 0, 9))).isEqualTo(B);
  }

  @Test
  void choose_ownSequencesSinceReport_areAdded() {
    assertThat(chosen(view(A, status(4), 0, 3, 0), view(B, status(6), 0, 0, 0))).isEqualTo(B);
  }

  @Test
  void choose_ownSequencesInReport_areNotCountedTwice() {
    assertThat(chosen(view(A, status(4), 4, 4, 0), view(B, status(5), 0, 0, 0))).isEqualTo(A);
  }

  @Test
  void choose_ownSequencesEndedSinceReport_areTakenOff() {
    assertThat(chosen(view(A, status(6), 6, 1, 0), view(B, status(3), 0, 0, 0))).isEqualTo(A);
  }

  @Test
  void choose_equalLoad_prefersFreeCacheThenTurns() {
    RouterStatus full = new RouterStatus("r", MODEL, 512, 1, 0.1, true, "", false);
    assertThat(chosen(view(A, full, 0, 0, 0), view(B, status(1), 0, 0, 5))).isEqualTo(B);
    assertThat(chosen(view(A, status(1), 0, 0, 2), view(B, status(1), 0, 0, 1))).isEqualTo(B);
  }

  @Test
  void choose_unusableOrTried_never() {
    RouterStatus draining = new RouterStatus("r", MODEL, 512, 0, 1, true, "", true);
    RouterStatus unready = new RouterStatus("r", MODEL, 512, 0, 1, false, "x", false);
    RouterStatus stranger = new RouterStatus("r", "other", 512, 0, 1, true, "", false);
    RouterView gone = new RouterView(A, new Report.Unreachable("x"), 0, 0, 0);
    for (RouterStatus status : List.of(draining, unready, stranger)) {
      assertThat(RouterChoice.choose(List.of(view(A, status, 0, 0, 0)), MODEL, Set.of())).isEmpty();
    }
    assertThat(RouterChoice.choose(List.of(gone), MODEL, Set.of())).isEmpty();
    assertThat(RouterChoice.choose(List.of(view(A, status(0), 0, 0, 0)), MODEL, Set.of(A)))
        .isEmpty();
  }
}
