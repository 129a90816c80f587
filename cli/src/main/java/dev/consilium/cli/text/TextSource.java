package dev.consilium.cli.text;

import java.util.List;
import java.util.function.Consumer;

/** Generates text. */
public interface TextSource extends AutoCloseable {

  /**
   * Answers a conversation, in the model's chat format.
   *
   * @param onText called with each piece of the answer as it comes, on the calling thread
   */
  Generated chat(List<ChatTurn> turns, TextOptions options, Consumer<String> onText)
      throws InterruptedException;

  /** Continues a text. */
  Generated complete(String prompt, TextOptions options, Consumer<String> onText)
      throws InterruptedException;

  @Override
  void close();
}
