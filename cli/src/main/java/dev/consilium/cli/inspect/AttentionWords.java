package dev.consilium.cli.inspect;

import dev.consilium.model.family.AllKeys;
import dev.consilium.model.family.AttentionSpec;
import dev.consilium.model.family.ChannelDeltaNet;
import dev.consilium.model.family.GatedDeltaNet;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.KeyChunks;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LightningAttention;
import dev.consilium.model.family.LinearAttention;
import dev.consilium.model.family.Mamba1;
import dev.consilium.model.family.Mamba2;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.ShortConvolution;
import dev.consilium.model.family.SlidingWindow;
import java.util.ArrayList;
import java.util.List;

/** What mixes tokens. */
final class AttentionWords {

  private AttentionWords() {}

  /** In a word or two, for a table. */
  static String brief(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped ->
          switch (grouped.keys()) {
            case AllKeys() -> "full";
            case SlidingWindow(int keys) -> "last " + keys;
            case KeyChunks(int size) -> "chunks of " + size;
          };
      case LatentAttention _ -> "latent";
      case GatedDeltaNet _ -> "gated delta net";
      case ChannelDeltaNet _ -> "Kimi delta attention";
      case LightningAttention _ -> "lightning attention";
      case Mamba1 _ -> "Mamba";
      case Mamba2 _ -> "Mamba2";
      case ShortConvolution _ -> "short convolution";
      case NoMixing() -> "-";
    };
  }

  /** In a sentence. */
  static String of(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped -> grouped(grouped);
      case LatentAttention latent -> latent(latent);
      case GatedDeltaNet delta -> "gated delta net: " + recurrence(delta);
      case ChannelDeltaNet delta -> "Kimi delta attention: " + recurrence(delta);
      case LightningAttention lightning ->
          "lightning attention: %d heads with a state of %d x %d each"
              .formatted(lightning.heads(), lightning.headDim(), lightning.headDim());
      case Mamba1 mamba ->
          "Mamba: %d channels with a state of %d each; convolution over %d tokens"
              .formatted(mamba.channels(), mamba.stateSize(), mamba.taps());
      case Mamba2 mamba -> "Mamba2: " + recurrence(mamba);
      case ShortConvolution convolution ->
          "short convolution over %d tokens between two gates%s"
              .formatted(convolution.taps(), convolution.biases() ? "; biases" : "");
      case NoMixing() -> "none";
    };
  }

  /** How it knows the order of tokens. */
  static String positions(AttentionSpec attention) {
    return switch (attention) {
      case GroupedQueryAttention grouped ->
          grouped
              .rotary()
              .map(rotary -> RotaryWords.of(rotary, grouped.headDim()))
              .orElse("none: order shows only in which keys a token sees");
      case LatentAttention latent ->
          latent
              .rotary()
              .map(rotary -> RotaryWords.of(rotary, latent.queryDim()))
              .orElse("none: order shows only in which keys a token sees");
      case RecurrentAttention _ -> "by the recurrence itself";
      case NoMixing() -> "none: no token sees another";
    };
  }

  private static String grouped(GroupedQueryAttention attention) {
    List<String> words = new ArrayList<>();
    words.add(heads(attention));
    words.add(
        switch (attention.keys()) {
          case AllKeys() -> "sees all keys";
          case SlidingWindow(int keys) -> "sees the last " + keys + " keys";
          case KeyChunks(int size) -> "sees the keys of its own chunk of " + size + " positions";
        });
    if (attention.qkNorm() != QkNorm.NONE) {
      words.add(norm(attention.qkNorm()));
    }
    if (attention.queryKeyValueBias()) {
      words.add(attention.outputBias() ? "biases everywhere" : "biases on queries, keys, values");
    }
    if (attention.projections().clips()) {
      words.add(
          "queries, keys, values cut off at " + Numbers.plain(attention.projections().clip()));
    }
    if (attention.scores().sinks()) {
      words.add("a learned sink per head");
    }
    attention
        .scores()
        .temperature()
        .ifPresent(
            tuning -> words.add("queries grow every %d positions".formatted(tuning.floorScale())));
    if (attention.outputGate()) {
      words.add("a sigmoid gate on the result");
    }
    if (attention.scale() != (float) (1 / Math.sqrt(attention.headDim()))) {
      words.add("scores times " + attention.scale());
    }
    return String.join("; ", words);
  }

  private static String heads(GroupedQueryAttention attention) {
    int heads = attention.heads();
    int kvHeads = attention.kvHeads();
    if (kvHeads == heads) {
      return "multi-head: %d heads of %d".formatted(heads, attention.headDim());
    }
    return "grouped-query: %d heads of %d share %s of keys and values"
        .formatted(heads, attention.headDim(), kvHeads == 1 ? "one head" : kvHeads + " heads");
  }

  private static String norm(QkNorm norm) {
    return switch (norm) {
      case NONE -> "no norm on queries and keys";
      case PER_HEAD -> "RMS norm on queries and keys, each head by itself";
      case WHOLE_PROJECTION -> "RMS norm on queries and keys, all heads together";
      case PER_HEAD_ROTATED -> "RMS norm on queries and keys, each head, after the rotation";
      case PER_HEAD_ROTATED_UNWEIGHTED ->
          "RMS norm without weights on queries and keys, each head, after the rotation";
    };
  }

  private static String latent(LatentAttention attention) {
    String queries =
        attention.queryRank().isPresent()
            ? "queries by way of %d values".formatted(attention.queryRank().getAsInt())
            : "queries straight from the token";
    return "latent: %d heads of %d, %s; keys and values of all heads in %d values%s, and a shared key of %d%s"
        .formatted(
            attention.heads(),
            attention.queryDim(),
            queries,
            attention.keyValueRank(),
            attention.latentFactor() == 1
                ? ""
                : " times " + Numbers.plain(attention.latentFactor()),
            attention.sharedDim(),
            attention.bias() ? "; biases" : "");
  }

  private static String recurrence(LinearAttention layer) {
    return "%d heads with a state of %d x %d each, queries and keys of %d; convolution over %d tokens"
        .formatted(layer.heads(), layer.keyDim(), layer.valueDim(), layer.keyHeads(), layer.taps());
  }
}
