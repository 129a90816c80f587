package dev.consilium.router.dispatch;

/** Has the experts of a layer computed, wherever they are. */
public interface ExpertDispatcher {

  /** Begins; returns while replies are still on the way, if there are any to wait for. */
  Pending begin(LayerDispatch dispatch);

  /** A dispatch on its way. */
  @FunctionalInterface
  interface Pending {
    /** Waits for the outputs; called once. Faults are part of the answer, one by one. */
    ExpertOutputs await();
  }
}
