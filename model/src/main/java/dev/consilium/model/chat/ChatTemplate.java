package dev.consilium.model.chat;

import dev.consilium.model.chat.jinja.Limits;
import dev.consilium.model.chat.jinja.Template;
import dev.consilium.model.chat.jinja.TemplateException;
import dev.consilium.model.tokenizer.TokenizerConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The chat template of a model. What it renders already has the model's special tokens in it, so it
 * is to be encoded without adding any.
 */
public final class ChatTemplate {

  private static final String FILE = "chat_template.jinja";
  private static final int MAX_FILE_BYTES = 4 << 20;

  private final String source;
  private final Template template;
  private final TokenizerConfig config;

  private ChatTemplate(String source, Template template, TokenizerConfig config) {
    this.source = source;
    this.template = template;
    this.config = config;
  }

  /** Loads with {@link Limits#DEFAULT}; see {@link #load(Path, Limits)}. */
  public static Optional<ChatTemplate> load(Path modelDirectory) throws IOException {
    return load(modelDirectory, Limits.DEFAULT);
  }

  /**
   * Loads the template of a model directory: {@code chat_template.jinja}, else {@code
   * chat_template} in {@code tokenizer_config.json}; or that of a GGUF file.
   *
   * @return empty when the model has none
   * @throws IOException naming the file, if one is there and cannot be read
   * @throws ChatTemplateException naming file and line, if the template is not one that we can
   *     render
   */
  public static Optional<ChatTemplate> load(Path modelDirectory, Limits limits) throws IOException {
    TokenizerConfig config = TokenizerConfig.load(modelDirectory);
    Path file = modelDirectory.resolve(FILE);
    if (Files.exists(file)) {
      return Optional.of(compile(file.toString(), read(file), config, limits));
    }
    String where = "chat_template of " + where(modelDirectory);
    return config.chatTemplate().map(text -> compile(where, text, config, limits));
  }

  private static Path where(Path model) {
    return Files.isDirectory(model) ? model.resolve("tokenizer_config.json") : model;
  }

  /**
   * A template from its text.
   *
   * @param source how errors name it
   * @param config whose special tokens the template sees as {@code bos_token}, {@code eos_token}
   *     and so on
   */
  public static ChatTemplate compile(
      String source, String text, TokenizerConfig config, Limits limits) {
    try {
      return new ChatTemplate(source, Template.compile(text, limits), config);
    } catch (TemplateException e) {
      throw new ChatTemplateException(source, e);
    }
  }

  /**
   * The text of a conversation, exactly as the model's authors' library would write it.
   *
   * @throws ChatTemplateException if the template refuses the conversation or cannot render it
   * @throws IllegalArgumentException if a value of the conversation is not shaped like JSON
   */
  public String render(ChatConversation conversation) {
    try {
      return template.render(variables(conversation), conversation.clock());
    } catch (TemplateException e) {
      throw new ChatTemplateException(source, e);
    }
  }

  /**
   * Named as Hugging Face's library names them; what is absent there is {@code None} or undefined
   * alike.
   */
  private Map<String, @Nullable Object> variables(ChatConversation conversation) {
    Map<String, @Nullable Object> variables = new HashMap<>(config.specialTokens());
    if (!config.additionalSpecialTokens().isEmpty()) {
      variables.put("additional_special_tokens", config.additionalSpecialTokens());
    }
    variables.put("documents", null);
    variables.putAll(conversation.variables());
    variables.put("messages", conversation.messages());
    variables.put("tools", conversation.tools().isEmpty() ? null : conversation.tools());
    variables.put("add_generation_prompt", conversation.addGenerationPrompt());
    return variables;
  }

  private static String read(Path file) throws IOException {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_FILE_BYTES + 1);
    }
    if (bytes.length > MAX_FILE_BYTES) {
      throw new IOException(file + ": is larger than the limit of " + MAX_FILE_BYTES + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(file + ": is not valid UTF-8 text", e);
    }
  }
}
