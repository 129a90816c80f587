package dev.consilium.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/** A stage of a {@code tokenizer.json}: nothing, one step, or a sequence of stages. */
final class TokenizerSteps {

  private TokenizerSteps() {}

  /**
   * The steps of a stage, those of sequences within it in their place.
   *
   * @param stage its value; null and nothing at all are no steps
   * @param list what a sequence calls its steps: {@code normalizers}, {@code pretokenizers}, {@code
   *     processors}
   */
  static List<JsonNode> of(JsonNode stage, String list) {
    if (!stage.isObject()) {
      return List.of();
    }
    if (!stage.path("type").asText().equals("Sequence")) {
      return List.of(stage);
    }
    List<JsonNode> steps = new ArrayList<>();
    stage.path(list).forEach(step -> steps.addAll(of(step, list)));
    return steps;
  }
}
