package dev.consilium.gateway.openai;

/** The text of single tokens, for log-probabilities. */
@FunctionalInterface
public interface TokenTexts {
  String text(int id);
}
