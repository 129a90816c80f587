package dev.consilium.model.family;

/** Which of the keys up to its own position a token sees. */
public sealed interface KeyRange permits AllKeys, SlidingWindow, KeyChunks {}
