package dev.consilium.model.family;

/** Which of the keys up to its own position a token sees. */
public sealed interface KeyRange permits AllKeys, SlidingWindow, KeyChunks {

  /** Most of the last keys, its own included, that a token sees; the largest int for all. */
  int window();
}
