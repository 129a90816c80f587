import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.checkpoint.Checkpoint;
import dev.consilium.model.checkpoint.CheckpointException;
import dev.consilium.model.checkpoint.DescribedCheckpoint;
import dev.consilium.model.conversion.GgufConversion;
import dev.consilium.model.conversion.Quantisation;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.gguf.GgufMetadataBuilder;
import dev.consilium.model.gguf.GgufSpecWriter;
import dev.consilium.model.gguf.GgufWriter;
import dev.consilium.model.synthetic.SyntheticFamily;
import dev.consilium.model.synthetic.SyntheticModel;
import dev.consilium.model.synthetic.SyntheticShape;
import dev.consilium.model.tokenizer.GgufTokenizerWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** What {@code interop.sh} compares; its arguments are {@code bench/llama.c}, the fixtures, and a directory to write to. */
final class Interop {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PROMPT = 16;

  /** Where llama.cpp 3f545bec has no way to compute what the reference does. */
  private static final Map<String, String> OTHERWISE =
      Map.of(
          "deepseek-v2", "chooses groups by their two best experts, this model by the best",
          "gpt-oss", "rounds the range of frequencies that YaRN blends, this model does not",
          "mixtral-swa", "has no sliding window for this architecture");

  /** What it does not load, and why. */
  private static final Map<String, String> NOT_LOADED =
      Map.of(
          "hy_v3", "has no bias of the output product",
          "qwen2-moe", "has no dense layers in this architecture");

  /** What GGUF has no words for, so that it is not written. */
  private static final Set<String> NOT_WRITTEN =
      Set.of(
          "dots1",
          "ernie4_5-moe-bias",
          "flex_olmo",
          "glm4_moe_lite",
          "jamba",
          "lfm2_moe",
          "llama4-text",
          "longcat_flash",
          "minimax",
          "nemotron_h",
          "nemotron_h-latent",
          "phimoe",
          "phimoe-cross");

  /** llama.cpp neither composes these with their letters nor counts them among letters. */
  private static final Pattern MARKS = Pattern.compile("\\p{M}");

  private final Path program;
  private final Path fixtures;
  private final Path work;
  private int failures;

  private Interop(Path program, Path fixtures, Path work) {
    this.program = program;
    this.fixtures = fixtures;
    this.work = work;
  }

  public static void main(String[] args) throws IOException {
    Interop interop = new Interop(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]));
    for (String name : interop.names("models")) {
      interop.model(name);
    }
    for (Quantisation type : Quantisation.values()) {
      interop.type(type);
    }
    for (String name : interop.names("tokenizers")) {
      interop.tokenizer(name);
    }
    System.exit(interop.failures == 0 ? 0 : 1);
  }

  private List<String> names(String kind) throws IOException {
    try (Stream<Path> entries = Files.list(fixtures.resolve(kind))) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  private void say(String name, boolean good, String what) {
    failures += good ? 0 : 1;
    System.out.printf("%-4s %-28s %s%n", good ? "ok" : "FAIL", name, what);
  }

  /** Greedy continuations of a converted model, and of what that is converted to. */
  private void model(String name) throws IOException {
    Path source = fixtures.resolve("models").resolve(name);
    Path file = work.resolve("model.gguf");
    Path again = work.resolve("again.gguf");
    try {
      convert(source, file);
    } catch (CheckpointException unsayable) {
      say(name, NOT_WRITTEN.contains(name), "is not written: " + unsayable.getMessage());
      return;
    }
    convert(file, again);
    JsonNode golden = JSON.readTree(source.resolve("golden.json").toFile());
    List<String> expected = new ArrayList<>();
    golden.path("greedy_ids").forEach(id -> expected.add(id.asText()));
    List<String> arguments = new ArrayList<>(List.of("greedy", "" + expected.size()));
    arguments.addAll(prompt(source.resolve("golden.safetensors")));
    boolean same = Files.mismatch(file, again) < 0;
    Answer answer = ask(again, arguments, new byte[0]);
    boolean right = answer.status == 0 && words(answer.text).equals(expected);
    if (NOT_LOADED.containsKey(name)) {
      say(name, same && answer.status != 0, "llama.cpp " + NOT_LOADED.get(name));
    } else if (OTHERWISE.containsKey(name)) {
      say(name, same && answer.status == 0 && !right, "llama.cpp " + OTHERWISE.get(name));
    } else {
      say(name, same && right, right ? "%d tokens as the reference".formatted(expected.size()) : answer.toString());
    }
  }

  private static void convert(Path source, Path target) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(source)) {
      new GgufConversion(checkpoint, Quantisation.F32).write(target);
    }
  }

  /**
   * Logits of a file of that type, against those of the same weights in f32, in the mean of squares. Activations are rounded too, which may
   * change the choice of an expert; weights read in another order would give 1 and more.
   */
  private void type(Quantisation type) throws IOException {
    Path file = work.resolve("type.gguf");
    Path plain = work.resolve("plain.gguf");
    new SyntheticModel(SyntheticFamily.QWEN3MOE, SyntheticShape.TINY, type, 1).write(file, GgufWriter.Progress.NONE);
    convert(file, plain);
    List<String> arguments = new ArrayList<>(List.of("logits"));
    IntStream.range(100, 100 + PROMPT).forEach(id -> arguments.add("" + id));
    Answer one = ask(file, arguments, new byte[0]);
    Answer other = ask(plain, arguments, new byte[0]);
    if (one.status != 0 || other.status != 0) {
      say("tiny " + type, false, one + " " + other);
      return;
    }
    double[] logits = words(one.text).stream().mapToDouble(Double::parseDouble).toArray();
    double[] expected = words(other.text).stream().mapToDouble(Double::parseDouble).toArray();
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < expected.length; i++) {
      sum += (logits[i] - expected[i]) * (logits[i] - expected[i]);
      squares += expected[i] * expected[i];
    }
    double error = Math.sqrt(sum / squares);
    say("tiny " + type, error < 0.1, "logits %.4f off those of its weights in f32".formatted(error));
  }

  /** Tokens of the stored texts, by a file without weights. */
  private void tokenizer(String name) throws IOException {
    Path directory = described(name);
    ModelSpec spec = DescribedCheckpoint.read(directory).spec();
    GgufMetadataBuilder metadata = new GgufMetadataBuilder();
    GgufSpecWriter.write(spec, metadata);
    metadata.text("general.name", name);
    List<String> remarks = GgufTokenizerWriter.write(directory, spec, List.of(), metadata);
    Path file = work.resolve("tokenizer.gguf");
    new GgufWriter(file, metadata, List.of()).write((tensor, sink) -> {});
    ByteArrayOutputStream texts = new ByteArrayOutputStream();
    List<JsonNode> cases = new ArrayList<>();
    JSON.readTree(fixtures.resolve("tokenizers").resolve(name).resolve("cases.json").toFile()).path("cases").forEach(cases::add);
    for (JsonNode one : cases) {
      byte[] text = one.path("text").textValue().getBytes(StandardCharsets.UTF_8);
      texts.writeBytes((text.length + "\n").getBytes(StandardCharsets.UTF_8));
      texts.writeBytes(text);
    }
    Answer answer = ask(file, List.of("tokens"), texts.toByteArray());
    if (answer.status != 0) {
      say(name, false, answer + " " + remarks);
      return;
    }
    List<String> lines = answer.text.lines().toList();
    int right = 0;
    int marked = 0;
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < cases.size(); i++) {
      JsonNode special = cases.get(i).path("ids_with_special_tokens");
      if (words(lines.get(2 * i)).equals(ids(cases.get(i).path("ids")))
          && (!special.isArray() || words(lines.get(2 * i + 1)).equals(ids(special)))) {
        right++;
      } else if (MARKS.matcher(cases.get(i).path("text").textValue()).find()) {
        marked++;
      } else {
        wrong.add(JSON.writeValueAsString(cases.get(i).path("text")));
      }
    }
    String others = marked == 0 ? "" : ", not %d with combining marks".formatted(marked);
    say(name, wrong.isEmpty(), "%d texts as the reference%s%s".formatted(right, others, wrong.isEmpty() ? "" : "; " + wrong));
  }

  /** A directory with this tokenizer and the configuration of some model. */
  private Path described(String name) throws IOException {
    Path from = fixtures.resolve("tokenizers").resolve(name);
    Path directory = Files.createDirectories(work.resolve("tokenizer"));
    Files.deleteIfExists(directory.resolve("tokenizer_config.json"));
    if (Files.exists(from.resolve("tokenizer_config.json"))) {
      Files.copy(from.resolve("tokenizer_config.json"), directory.resolve("tokenizer_config.json"));
    }
    Path packed = from.resolve("tokenizer.json.gz");
    byte[] text;
    try (InputStream in =
        Files.exists(packed)
            ? new GZIPInputStream(Files.newInputStream(packed))
            : Files.newInputStream(from.resolve("tokenizer.json"))) {
      text = in.readAllBytes();
    }
    Files.write(directory.resolve("tokenizer.json"), text);
    JsonNode tokenizer = JSON.readTree(text);
    int size = 1 + Math.max(largest(tokenizer.path("model").path("vocab")), largest(tokenizer.path("added_tokens")));
    ObjectNode config = (ObjectNode) JSON.readTree(fixtures.resolve("models/qwen3-moe/config.json").toFile());
    config.put("vocab_size", size);
    config.remove("eos_token_id");
    config.remove("bos_token_id"); // the tokenizer's own says
    JSON.writeValue(directory.resolve("config.json").toFile(), config);
    return directory;
  }

  private static int largest(JsonNode ids) {
    int most = -1;
    for (JsonNode id : ids) {
      most = Math.max(most, id.isObject() ? id.path("id").asInt() : id.asInt());
    }
    return most;
  }

  private static List<String> ids(JsonNode array) {
    List<String> ids = new ArrayList<>();
    array.forEach(id -> ids.add(id.asText()));
    return ids;
  }

  /** The first tokens of {@code input_ids}, 64 bits each. */
  private static List<String> prompt(Path safetensors) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(safetensors)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] header = new byte[Math.toIntExact(file.getLong())];
    file.get(header);
    ByteBuffer data = file.slice().order(ByteOrder.LITTLE_ENDIAN);
    int begin = JSON.readTree(header).path("input_ids").path("data_offsets").path(0).asInt();
    return IntStream.range(0, PROMPT).mapToObj(i -> "" + data.getLong(begin + 8 * i)).toList();
  }

  private static List<String> words(String text) {
    return text.isBlank() ? List.of() : Arrays.asList(text.strip().split(" +"));
  }

  private record Answer(int status, String text, String errors) {
    @Override
    public String toString() {
      return "status %d: %s".formatted(status, (status == 0 ? text : errors).strip().replace('\n', ' '));
    }
  }

  private Answer ask(Path file, List<String> arguments, byte[] input) throws IOException {
    List<String> command = new ArrayList<>(List.of(program.toString(), file.toString()));
    command.addAll(arguments);
    Path errors = work.resolve("errors");
    Path texts = Files.write(work.resolve("input"), input);
    Process process =
        new ProcessBuilder(command).redirectInput(texts.toFile()).redirectError(errors.toFile()).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      return new Answer(process.waitFor(), text, Files.readString(errors));
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
