package dev.consilium.model.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenizerConfigTest {

  @TempDir private Path directory;

  private TokenizerConfig load(String json) throws IOException {
    Files.writeString(directory.resolve("tokenizer_config.json"), json);
    return TokenizerConfig.load(directory);
  }

  @Test
  void load_noFile_isEmpty() throws IOException {
    assertThat(TokenizerConfig.load(directory)).isEqualTo(TokenizerConfig.empty());
  }

  @Test
  void load_tokensAsStringObjectAndNull_areRead() throws IOException {
    TokenizerConfig config =
        load(
            "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\", \"lstrip\": false},"
                + " \"pad_token\": null, \"additional_special_tokens\": [\"<a>\", {\"content\": \"<b>\"}]}");
    assertThat(config.bosToken()).contains("<s>");
    assertThat(config.eosToken()).contains("</s>");
    assertThat(config.specialTokens()).doesNotContainKey("pad_token");
    assertThat(config.additionalSpecialTokens()).containsExactly("<a>", "<b>");
    assertThat(config.chatTemplate()).isEmpty();
  }

  @Test
  void load_listOfTemplates_takesTheDefault() throws IOException {
    TokenizerConfig config =
        load(
            "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
                + " {\"name\": \"default\", \"template\": \"d\"}]}");
    assertThat(config.chatTemplate()).contains("d");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "`` => must hold a JSON object",
        "[] => must hold a JSON object, found array",
        "{\"bos_token\": => cannot be read as JSON",
        "{\"bos_token\": 5} => bos_token must be a string or an object",
        "{\"eos_token\": {\"content\": 5}} => eos_token must be a string or an object",
        "{\"additional_special_tokens\": 5} => additional_special_tokens must be a list",
        "{\"additional_special_tokens\": [null]} => additional_special_tokens must be a string",
        "{\"chat_template\": 5} => chat_template must be a string or a list",
        "{\"chat_template\": [5]} => needs the strings",
        "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"x\"}]} => no entry named \"default\", found [rag]"
      })
  void load_hostileFile_namesFileAndProblem(String json, String problem) {
    assertThatThrownBy(() -> load(json))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tokenizer_config.json")
        .hasMessageContaining(problem);
  }

  @Test
  void load_hugeNesting_isRefused() {
    assertThatThrownBy(() -> load("{\"a\":".repeat(100_000)))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("depth");
  }
}
