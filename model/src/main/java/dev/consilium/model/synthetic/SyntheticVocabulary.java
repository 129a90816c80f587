package dev.consilium.model.synthetic;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A byte-level BPE vocabulary made of nothing: the bytes, pairs of letters (also after a space),
 * words of two pairs, and two special tokens at the end. Any text encodes and any token decodes.
 *
 * @param tokens by id
 * @param merges two tokens with a space between them, the first to be done first
 */
record SyntheticVocabulary(List<String> tokens, List<String> merges) {

  private static final String LETTERS = "etaoinshrdlcumwfgypbvkxjqz";
  private static final String BEGIN = "<|begin|>";
  private static final String END = "<|endoftext|>";

  SyntheticVocabulary {
    tokens = List.copyOf(tokens);
    merges = List.copyOf(merges);
  }

  /** The vocabulary of a size; the last two tokens are special. */
  static SyntheticVocabulary ofSize(int size) {
    return new Making(size).make();
  }

  private static final class Making {
    private final int plain;
    private final List<String> tokens = new ArrayList<>();
    private final List<String> merges = new ArrayList<>();

    Making(int size) {
      this.plain = size - 2;
    }

    SyntheticVocabulary make() {
      String space = bytes();
      List<String> pairs = pairs();
      pairs.forEach(pair -> merge(pair.substring(0, 1), pair.substring(1)));
      LETTERS.chars().forEach(letter -> merge(space, Character.toString(letter)));
      pairs.forEach(pair -> merge(space, pair));
      words(pairs);
      Collections.addAll(tokens, BEGIN, END);
      return new SyntheticVocabulary(tokens, merges);
    }

    /** The 256 characters that stand for bytes; returns the one for a space. */
    private String bytes() {
      List<Integer> others = new ArrayList<>();
      for (int value = 0; value < 256; value++) {
        boolean printable =
            (value >= 33 && value < 127) || (value >= 161 && value < 173) || value >= 174;
        if (printable) {
          tokens.add(Character.toString(value));
        } else {
          others.add(value);
        }
      }
      for (int i = 0; i < others.size(); i++) {
        tokens.add(Character.toString(256 + i));
      }
      return Character.toString(256 + others.indexOf(32));
    }

    /** Frequent letters first. */
    private static List<String> pairs() {
      List<String> pairs = new ArrayList<>();
      for (int sum = 0; sum < 2 * LETTERS.length() - 1; sum++) {
        for (int first = 0; first < LETTERS.length(); first++) {
          int second = sum - first;
          if (second >= 0 && second < LETTERS.length()) {
            pairs.add("" + LETTERS.charAt(first) + LETTERS.charAt(second));
          }
        }
      }
      return pairs;
    }

    private void words(List<String> pairs) {
      for (int sum = 0; sum < 2 * pairs.size() && tokens.size() < plain; sum++) {
        int last = Math.min(sum, pairs.size() - 1);
        for (int i = Math.max(0, sum - pairs.size() + 1); i <= last; i++) {
          merge(pairs.get(i), pairs.get(sum - i));
        }
      }
    }

    private void merge(String left, String right) {
      if (tokens.size() < plain) {
        tokens.add(left + right);
        merges.add(left + " " + right);
      }
    }
  }
}
