package dev.consilium.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.consilium.model.family.Activation;
import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.BlockBody;
import dev.consilium.model.family.BlockNames;
import dev.consilium.model.family.ExpertLayout;
import dev.consilium.model.family.FeedForwardNames;
import dev.consilium.model.family.GateSpec;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.MixtureOfExperts;
import dev.consilium.model.family.ModelFamilies;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.WeightNames;
import dev.consilium.model.family.WeightStorage;
import dev.consilium.model.family.WeightStorage.ScaleBlocks;
import dev.consilium.tensor.quant.BlockFormat;
import dev.consilium.tensor.quant.Float8;
import dev.consilium.testkit.Fixtures;
import dev.consilium.testkit.Seeds;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever files put together or apart is found again, expert by expert. */
class HuggingFaceWeightsTest {
  private static final int EXPERTS = 3;
  private static final int HIDDEN = 64;
  private static final int INNER = 32;
  private static final String MLP = "model.layers.{layer}.mlp.experts.";

  @TempDir Path directory;

  private final SplittableRandom random = Seeds.random();

  /** {@code [experts][rows][columns]}. */
  private final float[][][] gate = new float[EXPERTS][INNER][HIDDEN];

  private final float[][][] up = new float[EXPERTS][INNER][HIDDEN];
  private final float[][][] down = new float[EXPERTS][HIDDEN][INNER];

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"ONE_BY_ONE", "ROWS"})
  void tensor_ofAnExpert_isItsPart(ExpertLayout layout) {
    fill(gate);
    fill(up);
    fill(down);
    SafetensorsWriter writer = new SafetensorsWriter();
    write(writer, layout, "gate_up_proj", gateUp(layout));
    write(writer, layout, "down_proj", down);
    writeBias(writer, "gate_up_proj", gateUp(layout));
    writeBias(writer, "down_proj", down);
    writer.write(directory.resolve("model.safetensors"));
    ModelSpec spec = spec(new WeightStorage(layout, Optional.empty()));
    try (WeightFiles files = WeightFiles.open(directory);
        HuggingFaceWeights weights = new HuggingFaceWeights(files, spec)) {
      FeedForwardNames names = spec.names().feedForward(0);
      for (int expert = 0; expert < EXPERTS; expert++) {
        compare(weights, names.expert(expert).gate(), gate[expert]);
        compare(weights, names.expert(expert).up(), up[expert]);
        compare(weights, names.expert(expert).down(), down[expert]);
        compareBias(weights, names.expertBias(expert).gate(), gate[expert]);
        compareBias(weights, names.expertBias(expert).up(), up[expert]);
        compareBias(weights, names.expertBias(expert).down(), down[expert]);
      }
      assertThat(weights.names()).hasSize(6 * EXPERTS);
    }
  }

  @Test
  void tensor_ofAnExpertWhereEachKindIsOneMatrix_isItsPart() {
    fill(gate);
    fill(up);
    fill(down);
    float[][][] downColumns = new float[EXPERTS][INNER][HIDDEN];
    for (int expert = 0; expert < EXPERTS; expert++) {
      for (int row = 0; row < HIDDEN; row++) {
        for (int column = 0; column < INNER; column++) {
          downColumns[expert][column][row] = down[expert][row][column];
        }
      }
    }
    String experts = "transformer.blocks.0.ffn.experts.mlp.";
    new SafetensorsWriter()
        .add(experts + "w1", "F32", "[96,64]", bytes(flat(gate)))
        .add(experts + "v1", "F32", "[96,64]", bytes(flat(up)))
        .add(experts + "w2", "F32", "[96,64]", bytes(flat(downColumns)))
        .write(directory.resolve("model.safetensors"));
    ModelSpec spec = rowsSpec();
    try (WeightFiles files = WeightFiles.open(directory);
        HuggingFaceWeights weights = new HuggingFaceWeights(files, spec)) {
      FeedForwardNames names = spec.names().feedForward(0);
      for (int expert = 0; expert < EXPERTS; expert++) {
        compare(weights, names.expert(expert).gate(), gate[expert]);
        compare(weights, names.expert(expert).up(), up[expert]);
        compare(weights, names.expert(expert).down(), down[expert]);
      }
      assertThat(weights.names()).hasSize(3 * EXPERTS);
    }
  }

  @Test
  void tensor_ofOneProjectionOfThree_isItsRows() {
    float[] all = new float[(64 + 32 + 32) * HIDDEN];
    for (int i = 0; i < all.length; i++) {
      all[i] = i;
    }
    String projection = "transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight";
    new SafetensorsWriter()
        .add(projection, "F32", "[128,64]", bytes(all))
        .write(directory.resolve("model.safetensors"));
    ModelSpec spec = rowsSpec();
    try (WeightFiles files = WeightFiles.open(directory);
        HuggingFaceWeights weights = new HuggingFaceWeights(files, spec)) {
      AttentionNames names = spec.names().attention(0);
      assertThat(weights.names())
          .containsExactlyInAnyOrder(
              names.query().weight(), names.key().weight(), names.value().weight());
      assertThat(weights.tensor(names.query().weight()).floats())
          .containsExactly(Arrays.copyOfRange(all, 0, 64 * HIDDEN));
      assertThat(weights.tensor(names.key().weight()).floats())
          .containsExactly(Arrays.copyOfRange(all, 64 * HIDDEN, 96 * HIDDEN));
      assertThat(weights.tensor(names.value().weight()).floats())
          .containsExactly(Arrays.copyOfRange(all, 96 * HIDDEN, 128 * HIDDEN));
    }
  }

  @Test
  void open_projectionOfAnotherShape_isRefused() {
    String projection = "transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight";
    new SafetensorsWriter()
        .add(projection, "F32", "[192,64]", new byte[192 * 64 * 4])
        .write(directory.resolve("model.safetensors"));
    try (WeightFiles files = WeightFiles.open(directory)) {
      assertThatThrownBy(() -> new HuggingFaceWeights(files, rowsSpec()))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("shape is [192, 64], want [128, 64]");
    }
  }

  /** One layer of a family that has one matrix for all experts' gates. */
  private static ModelSpec rowsSpec() {
    return ModelFamilies.specify(
        JsonNodeFactory.instance
            .objectNode()
            .put("model_type", "dbrx")
            .put("d_model", HIDDEN)
            .put("vocab_size", 10)
            .put("n_layers", 1)
            .put("n_heads", 4)
            .put("max_seq_len", 128)
            .<ObjectNode>set(
                "attn_config", JsonNodeFactory.instance.objectNode().put("kv_n_heads", 2))
            .<ObjectNode>set(
                "ffn_config",
                JsonNodeFactory.instance
                    .objectNode()
                    .put("moe_num_experts", EXPERTS)
                    .put("moe_top_k", 2)
                    .put("ffn_hidden_size", INNER)));
  }

  private static float[] flat(float[][][] matrices) {
    float[] values = new float[matrices.length * matrices[0].length * matrices[0][0].length];
    int at = 0;
    for (float[][] matrix : matrices) {
      for (float[] row : matrix) {
        System.arraycopy(row, 0, values, at, row.length);
        at += row.length;
      }
    }
    return values;
  }

  @Test
  void open_expertsOfAnotherShape_areRefused() {
    new SafetensorsWriter()
        .add("model.layers.0.mlp.experts.down_proj", "F32", "[3,64,31]", new byte[4 * 3 * 64 * 31])
        .write(directory.resolve("model.safetensors"));
    ModelSpec spec = spec(new WeightStorage(ExpertLayout.STACKED, Optional.empty()));
    try (WeightFiles files = WeightFiles.open(directory)) {
      assertThatThrownBy(() -> new HuggingFaceWeights(files, spec))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("shape is [3, 64, 31], want [3, 64, 32]");
    }
  }

  @Test
  void tensor_withScales_isTimesThem() {
    int rows = 7;
    int columns = 10;
    byte[] numbers = new byte[rows * columns];
    float[] scales = new float[4 * 3]; // blocks of 2 rows and 4 columns
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (byte) random.nextInt(0x7f);
    }
    for (int i = 0; i < scales.length; i++) {
      scales[i] = (float) random.nextGaussian();
    }
    new SafetensorsWriter()
        .add("a", "F8_E4M3", "[7,10]", numbers)
        .add("a_scale_inv", "F32", "[4,3]", bytes(scales))
        .add("b", "F32", "[12]", bytes(scales))
        .write(directory.resolve("model.safetensors"));
    ModelSpec spec =
        spec(new WeightStorage(ExpertLayout.ONE_BY_ONE, Optional.of(new ScaleBlocks(2, 4))));
    try (WeightFiles files = WeightFiles.open(directory);
        HuggingFaceWeights weights = new HuggingFaceWeights(files, spec)) {
      assertThat(weights.names()).containsExactly("a", "b");
      float[] found = weights.tensor("a").floats();
      for (int i = 0; i < found.length; i++) {
        float scale = scales[i / columns / 2 * 3 + i % columns / 4];
        assertThat(found[i]).isEqualTo(Float8.e4m3(numbers[i]) * scale);
      }
    }
  }

  @Test
  void tensor_scalesOfAnotherShape_areRefused() {
    new SafetensorsWriter()
        .add("a", "F8_E4M3", "[7,10]", new byte[70])
        .add("a_scale_inv", "F32", "[4,2]", new byte[32])
        .write(directory.resolve("model.safetensors"));
    ModelSpec spec =
        spec(new WeightStorage(ExpertLayout.ONE_BY_ONE, Optional.of(new ScaleBlocks(2, 4))));
    try (WeightFiles files = WeightFiles.open(directory)) {
      assertThatThrownBy(() -> new HuggingFaceWeights(files, spec))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("a_scale_inv: shape is [4, 2], want [4, 3]");
    }
  }

  private void fill(float[][][] matrices) {
    for (float[][] matrix : matrices) {
      for (float[] row : matrix) {
        for (int i = 0; i < row.length; i++) {
          // What MXFP4 can hold, with an exponent that is the same everywhere.
          row[i] = new float[] {0, 0.5f, 1, 1.5f, 2, 3, 4, 6}[random.nextInt(8)] * 0.25f;
        }
      }
    }
  }

  /** Gate and up rows as the layout orders them. */
  private float[][][] gateUp(ExpertLayout layout) {
    boolean halves = layout == ExpertLayout.STACKED || layout == ExpertLayout.TRANSPOSED;
    float[][][] both = new float[EXPERTS][2 * INNER][];
    for (int expert = 0; expert < EXPERTS; expert++) {
      for (int i = 0; i < INNER; i++) {
        both[expert][halves ? i : 2 * i] = gate[expert][i];
        both[expert][halves ? INNER + i : 2 * i + 1] = up[expert][i];
      }
    }
    return both;
  }

  private static void write(
      SafetensorsWriter writer, ExpertLayout layout, String name, float[][][] matrices) {
    int rows = matrices[0].length;
    int columns = matrices[0][0].length;
    String tensor = "model.layers.0.mlp.experts." + name;
    if (layout == ExpertLayout.MXFP4_ALTERNATING) {
      writeMxfp4(writer, tensor, matrices);
      return;
    }
    boolean stacked = layout == ExpertLayout.STACKED;
    float[] values = new float[EXPERTS * rows * columns];
    for (int i = 0; i < values.length; i++) {
      int expert = i / rows / columns;
      int row = stacked ? i / columns % rows : i % rows;
      int column = stacked ? i % columns : i / rows % columns;
      values[i] = matrices[expert][row][column];
    }
    List<Integer> shape =
        stacked ? List.of(EXPERTS, rows, columns) : List.of(EXPERTS, columns, rows);
    writer.add(tensor, "F32", shape.toString(), bytes(values));
  }

  private static void writeMxfp4(SafetensorsWriter writer, String tensor, float[][][] matrices) {
    int rows = matrices[0].length;
    int columns = matrices[0][0].length;
    byte[] blocks = new byte[EXPERTS * rows * columns / 2];
    byte[] scales = new byte[EXPERTS * rows * columns / 32];
    byte[] block = new byte[17];
    for (int i = 0; i < scales.length; i++) {
      float[] row = matrices[i * 32 / columns / rows][i * 32 / columns % rows];
      float[] values = new float[32];
      System.arraycopy(row, i * 32 % columns, values, 0, 32);
      BlockFormat.MXFP4.quantise(values, 0, MemorySegment.ofArray(block), 0);
      scales[i] = block[0];
      for (int j = 0; j < 32; j++) {
        int code = j < 16 ? block[1 + j] & 15 : (block[1 + j - 16] >> 4) & 15;
        blocks[i * 16 + j / 2] |= (byte) (code << (j % 2 * 4));
      }
    }
    String shape = "%d,%d,%d".formatted(EXPERTS, rows, columns / 32);
    writer.add(tensor + "_blocks", "U8", "[" + shape + ",16]", blocks);
    writer.add(tensor + "_scales", "U8", "[" + shape + "]", scales);
  }

  /** The first column of each matrix stands for a bias. */
  private static void writeBias(SafetensorsWriter writer, String name, float[][][] matrices) {
    int rows = matrices[0].length;
    float[] values = new float[EXPERTS * rows];
    for (int i = 0; i < values.length; i++) {
      values[i] = matrices[i / rows][i % rows][0];
    }
    String tensor = "model.layers.0.mlp.experts." + name + "_bias";
    writer.add(tensor, "F32", "[%d,%d]".formatted(EXPERTS, rows), bytes(values));
  }

  private static void compare(Weights weights, String name, float[][] matrix) {
    float[] found = weights.tensor(name).floats();
    int columns = matrix[0].length;
    assertThat(weights.tensor(name).shape()).containsExactly((long) matrix.length, (long) columns);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i]).as("%s at %d", name, i).isEqualTo(matrix[i / columns][i % columns]);
    }
  }

  private static void compareBias(Weights weights, String name, float[][] matrix) {
    float[] found = weights.tensor(name).floats();
    assertThat(found).hasSize(matrix.length);
    for (int i = 0; i < found.length; i++) {
      assertThat(found[i]).as("%s at %d", name, i).isEqualTo(matrix[i][0]);
    }
  }

  private static byte[] bytes(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  /** One layer of fused experts; the rest is that of a fixture, and not looked at. */
  private static ModelSpec spec(WeightStorage storage) {
    ModelSpec like;
    try (Checkpoint fixture = Checkpoint.open(Fixtures.model("mixtral"))) {
      like = fixture.spec();
    }
    LayerSpec first = like.layers().getFirst();
    MixtureOfExperts experts = (MixtureOfExperts) first.feedForward();
    GateSpec gate = experts.gate();
    MixtureOfExperts fused =
        new MixtureOfExperts(
            new GateSpec(EXPERTS, 2, gate.score(), gate.weighting().renormalisation()),
            INNER,
            new BlockBody(new Activation.SwiGlu(), true),
            experts.shared());
    FeedForwardNames old = like.names().feedForwardTemplate();
    FeedForwardNames names =
        new FeedForwardNames(
            old.norm(),
            old.gate(),
            fusedNames(""),
            fusedNames("_bias"),
            old.shared(),
            old.sharedGate(),
            old.dense(),
            old.narrow(),
            old.wide());
    return new ModelSpec(
        like.family(),
        like.architecture(),
        HIDDEN,
        like.vocabularySize(),
        like.contextLength(),
        like.norm(),
        like.multipliers(),
        like.tiedEmbeddings(),
        like.headBias(),
        List.of(new LayerSpec(0, first.attention(), fused)),
        0,
        like.tokens(),
        new WeightNames(
            like.names().embedding(),
            like.names().finalNorm(),
            like.names().head(),
            like.names().attentionTemplate(),
            names,
            storage,
            List.of()));
  }

  private static BlockNames fusedNames(String suffix) {
    return new BlockNames(
        MLP + "gate_up_proj" + suffix + "[{expert}].gate",
        MLP + "gate_up_proj" + suffix + "[{expert}].up",
        MLP + "down_proj" + suffix + "[{expert}]");
  }
}
