package dev.consilium.router.dispatch;

import dev.consilium.model.expert.ExpertTokens;
import dev.consilium.placement.NodeWork;
import dev.consilium.placement.NotPlacedException;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Experts on expert nodes.
 *
 * <ol>
 *   <li>Choose the nodes that hold the experts of this dispatch.
 *   <li>Send each one message (several only if the answer would be too large for one): every hidden
 *       state that it must see, once, and which of its experts see which.
 *   <li>Wait for the answers.
 *   <li>A node whose placement has changed, which is overloaded or gone: look at all nodes again
 *       and send that part anew, a few times. What can still not be computed fails alone.
 * </ol>
 */
public final class RemoteExperts implements ExpertDispatcher {
  private static final int ATTEMPTS = 4;
  private static final long BACK_OFF_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final NodeDirectory directory;
  private final DispatchTracer tracer;
  private final Duration patience;

  /**
   * @param patience longest wait for the answers to a dispatch, however often it is sent
   */
  public RemoteExperts(NodeDirectory directory, DispatchTracer tracer, Duration patience) {
    this.directory = directory;
    this.tracer = tracer;
    this.patience = patience;
  }

  @Override
  public Pending begin(LayerDispatch dispatch) {
    Progress progress = new Progress(dispatch);
    progress.sendAll(directory.view());
    return progress::finish;
  }

  /** One message to one node. {@code entries} are indices into the dispatch's work. */
  private record Call(
      String node,
      List<Integer> entries,
      CompletableFuture<ExpertNode.Reply> reply,
      DispatchTracer.Spans spans) {}

  private final class Progress {
    private final LayerDispatch dispatch;
    private final ExpertOutputs outputs;
    private final Map<Integer, Integer> entryOfExpert = new HashMap<>();
    private final @Nullable Status[] lastRefusal;
    private final long deadlineNanos = System.nanoTime() + patience.toNanos();
    private List<Integer> unsent;
    private List<Call> calls = new ArrayList<>();

    Progress(LayerDispatch dispatch) {
      this.dispatch = dispatch;
      this.outputs = new ExpertOutputs(dispatch.work().size());
      this.lastRefusal = new Status[dispatch.work().size()];
      this.unsent = new ArrayList<>();
      for (int i = 0; i < dispatch.work().size(); i++) {
        entryOfExpert.put(dispatch.work().get(i).expert(), i);
        unsent.add(i);
      }
    }

    ExpertOutputs finish() {
      for (int attempt = 1; ; attempt++) {
        for (Call call : calls) {
          settle(call);
        }
        if (unsent.isEmpty()) {
          return outputs;
        }
        if (attempt == ATTEMPTS || System.nanoTime() - deadlineNanos > 0) {
          unsent.forEach(entry -> outputs.failed(entry, finalRefusal(entry)));
          return outputs;
        }
        if (attempt > 1) {
          LockSupport.parkNanos(BACK_OFF_NANOS * attempt);
        }
        sendAll(directory.look());
      }
    }

    /** Sends every unsent entry to a node that holds it; those without one stay unsent. */
    void sendAll(NodeDirectory.View view) {
      calls = new ArrayList<>();
      List<Integer> experts = new ArrayList<>();
      for (int entry : unsent) {
        experts.add(dispatch.work().get(entry).expert());
      }
      List<NodeWork> work;
      try {
        work = view.placement().choose(dispatch.layer(), experts, node -> inFlight(view, node));
      } catch (NotPlacedException e) {
        Status missing = Status.UNAVAILABLE.withDescription(e.getMessage());
        e.experts().forEach(expert -> lastRefusal[entry(expert)] = missing);
        experts.removeAll(e.experts());
        work =
            experts.isEmpty()
                ? List.of()
                : view.placement().choose(dispatch.layer(), experts, node -> inFlight(view, node));
      }
      for (NodeWork ofNode : work) {
        for (NodeWork message : messages(view, ofNode)) {
          calls.add(send(view, message));
        }
      }
    }

    /**
     * Divides a node's work so that each answer fits a message; one expert's answer always does.
     */
    private List<NodeWork> messages(NodeDirectory.View view, NodeWork ofNode) {
      ExpertNode.Limits limits = view.limits().get(ofNode.node());
      long most = limits == null ? Long.MAX_VALUE : limits.answerRows();
      List<NodeWork> messages = new ArrayList<>();
      List<Integer> experts = new ArrayList<>();
      long rows = 0;
      for (int expert : ofNode.experts()) {
        int more = dispatch.work().get(entry(expert)).count();
        if (!experts.isEmpty() && rows + more > most) {
          messages.add(new NodeWork(ofNode.node(), ofNode.epoch(), experts));
          experts = new ArrayList<>();
          rows = 0;
        }
        experts.add(expert);
        rows += more;
      }
      messages.add(new NodeWork(ofNode.node(), ofNode.epoch(), experts));
      return messages;
    }

    private int entry(int expert) {
      Integer entry = entryOfExpert.get(expert);
      if (entry == null) {
        throw new IllegalStateException("expert " + expert + " is no part of the dispatch");
      }
      return entry;
    }

    private static long inFlight(NodeDirectory.View view, String name) {
      ExpertNode node = view.nodes().get(name);
      return node == null ? Long.MAX_VALUE : node.inFlight();
    }

    private Call send(NodeDirectory.View view, NodeWork ofNode) {
      List<Integer> entries = new ArrayList<>();
      BitSet rows = new BitSet();
      for (int expert : ofNode.experts()) {
        entries.add(entry(expert));
        ExpertTokens tokens = dispatch.work().get(entry(expert));
        for (int place = 0; place < tokens.count(); place++) {
          rows.set(tokens.token(place));
        }
      }
      unsent.removeAll(entries);
      int[] sent = rows.stream().toArray();
      List<ExpertTokens> work = new ArrayList<>();
      for (int entry : entries) {
        work.add(compacted(dispatch.work().get(entry), sent));
      }
      DispatchTracer.Spans spans = tracer.begin(dispatch, ofNode, rows);
      ExpertNode node = view.nodes().get(ofNode.node());
      if (node == null) {
        throw new IllegalStateException("node " + ofNode.node() + " is placed but not connected");
      }
      return new Call(
          ofNode.node(),
          entries,
          node.execute(
              new ExpertNode.Dispatch(
                  dispatch.layer(),
                  ofNode.epoch(),
                  dispatch.hidden(),
                  sent,
                  work,
                  spans.traceparent())),
          spans);
    }

    /** The same work with rows counted among the rows that are sent. */
    private static ExpertTokens compacted(ExpertTokens work, int[] sent) {
      int[] tokens = new int[work.count()];
      float[] weights = new float[work.count()];
      for (int place = 0; place < tokens.length; place++) {
        tokens[place] = Arrays.binarySearch(sent, work.token(place));
        weights[place] = work.weight(place);
      }
      return new ExpertTokens(work.expert(), tokens, weights);
    }

    private void settle(Call call) {
      ExpertNode.Reply reply = await(call);
      call.spans().end(reply);
      switch (reply) {
        case ExpertNode.Computed computed -> {
          int row = 0;
          for (int entry : call.entries()) {
            outputs.computed(entry, call.node(), computed.outputs(), row);
            row += dispatch.work().get(entry).count();
          }
        }
        case ExpertNode.Refused refused -> {
          for (int entry : call.entries()) {
            refused(entry, call.node(), refused.why());
          }
        }
      }
    }

    /** The node's answer, or that there was none while we had patience. */
    private ExpertNode.Reply await(Call call) {
      if (call.reply().isDone()) {
        return call.reply().join();
      }
      Status silent =
          Status.UNAVAILABLE.withDescription(
              "node %s did not answer within %d ms".formatted(call.node(), patience.toMillis()));
      return call.reply()
          .copy()
          .completeOnTimeout(
              new ExpertNode.Refused(silent),
              Math.max(0, deadlineNanos - System.nanoTime()),
              TimeUnit.NANOSECONDS)
          .join();
    }

    private void refused(int entry, String node, Status why) {
      lastRefusal[entry] = why;
      switch (why.getCode()) {
        // The placement has changed, the node is overloaded, late or gone: another look may find a
        // way.
        case FAILED_PRECONDITION, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE, DEADLINE_EXCEEDED ->
            unsent.add(entry);
        // Anything else is a defect of ours or the node's. Its own code would tell the caller
        // something else, INVALID_ARGUMENT for instance that its request was wrong.
        default ->
            outputs.failed(
                entry,
                Status.INTERNAL.withDescription(
                    "%s on node %s failed: %s %s"
                        .formatted(place(entry), node, why.getCode(), why.getDescription())));
      }
    }

    private Status finalRefusal(int entry) {
      Status last = lastRefusal[entry];
      return Status.UNAVAILABLE.withDescription(
          "%s cannot be computed: %s"
              .formatted(place(entry), last == null ? "no node" : last.getDescription()));
    }

    private String place(int entry) {
      return "layer %d expert %d".formatted(dispatch.layer(), dispatch.work().get(entry).expert());
    }
  }

  /** Makes the spans of expert calls. */
  public interface DispatchTracer {
    /** A call to {@code node} with the rows {@code rows} of the batch begins. */
    Spans begin(LayerDispatch dispatch, NodeWork node, BitSet rows);

    /** The spans of one call, one for each traced request in it. */
    interface Spans {
      /** What the node continues; empty if nothing is traced. */
      String traceparent();

      void end(ExpertNode.Reply reply);
    }

    /** Traces nothing. */
    DispatchTracer NONE =
        (dispatch, node, rows) ->
            new Spans() {
              @Override
              public String traceparent() {
                return "";
              }

              @Override
              public void end(ExpertNode.Reply reply) {}
            };
  }
}
