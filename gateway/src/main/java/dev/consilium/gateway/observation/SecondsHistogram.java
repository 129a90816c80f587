package dev.consilium.gateway.observation;

import java.util.List;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** A histogram as Prometheus has them, written as its text. */
final class SecondsHistogram {
  private final String name;
  private final List<Double> bounds;
  private final LongAdder[] counts;
  private final DoubleAdder sum = new DoubleAdder();

  SecondsHistogram(String name, List<Double> bounds) {
    this.name = name;
    this.bounds = bounds;
    this.counts = new LongAdder[bounds.size() + 1];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = new LongAdder();
    }
  }

  void record(double seconds) {
    int bucket = 0;
    while (bucket < bounds.size() && seconds > bounds.get(bucket)) {
      bucket++;
    }
    counts[bucket].increment();
    sum.add(seconds);
  }

  void write(StringBuilder text, String label) {
    text.append("# TYPE ").append(name).append(" histogram\n");
    long below = 0;
    for (int i = 0; i <= bounds.size(); i++) {
      below += counts[i].sum();
      String bound = i == bounds.size() ? "+Inf" : bounds.get(i).toString();
      text.append("%s_bucket{%s,le=\"%s\"} %d\n".formatted(name, label, bound, below));
    }
    text.append("%s_count{%s} %d\n".formatted(name, label, below));
    text.append("%s_sum{%s} %s\n".formatted(name, label, sum.sum()));
  }
}
