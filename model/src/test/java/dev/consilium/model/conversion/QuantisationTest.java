package dev.consilium.model.conversion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.model.gguf.GgufTensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

class QuantisationTest {

  @Test
  void typeOf_vectorsAndGates_stayF32() {
    for (Quantisation quantisation : Quantisation.values()) {
      assertThat(quantisation.typeOf(WeightRole.VECTOR, 256)).isEqualTo(GgufTensorType.F32);
      assertThat(quantisation.typeOf(WeightRole.GATE, 256)).isEqualTo(GgufTensorType.F32);
    }
  }

  @Test
  void typeOf_kTypes_keepMoreOfEmbeddingAndHead() {
    assertThat(Quantisation.Q4_K.typeOf(WeightRole.HEAD, 512)).isEqualTo(GgufTensorType.Q6_K);
    assertThat(Quantisation.Q4_K.typeOf(WeightRole.EMBEDDING, 512)).isEqualTo(GgufTensorType.Q6_K);
    assertThat(Quantisation.Q4_K.typeOf(WeightRole.EXPERTS, 512)).isEqualTo(GgufTensorType.Q4_K);
    assertThat(Quantisation.Q4_0.typeOf(WeightRole.HEAD, 512)).isEqualTo(GgufTensorType.Q4_0);
  }

  @Test
  void typeOf_mxfp4_isForExpertsOnly() {
    assertThat(Quantisation.MXFP4.typeOf(WeightRole.EXPERTS, 64)).isEqualTo(GgufTensorType.MXFP4);
    assertThat(Quantisation.MXFP4.typeOf(WeightRole.MATRIX, 64)).isEqualTo(GgufTensorType.Q8_0);
    assertThat(Quantisation.MXFP4.typeOf(WeightRole.HEAD, 64)).isEqualTo(GgufTensorType.Q8_0);
  }

  @Test
  void typeOf_rowsOfNoWholeBlocks_fallBack() {
    assertThat(Quantisation.Q4_K.typeOf(WeightRole.MATRIX, 288)).isEqualTo(GgufTensorType.Q8_0);
    assertThat(Quantisation.Q4_K.typeOf(WeightRole.HEAD, 288)).isEqualTo(GgufTensorType.Q8_0);
    assertThat(Quantisation.Q4_0.typeOf(WeightRole.MATRIX, 40)).isEqualTo(GgufTensorType.F32);
    assertThat(Quantisation.BF16.typeOf(WeightRole.MATRIX, 40)).isEqualTo(GgufTensorType.BF16);
  }

  @Test
  void of_names_tellRoles() {
    assertThat(WeightRole.of("blk.0.attn_norm.weight", List.of(64L))).isEqualTo(WeightRole.VECTOR);
    assertThat(WeightRole.of("blk.0.ffn_gate_inp.weight", List.of(8L, 64L)))
        .isEqualTo(WeightRole.GATE);
    assertThat(WeightRole.of("blk.0.ffn_gate_exps.weight", List.of(8L, 32L, 64L)))
        .isEqualTo(WeightRole.EXPERTS);
    assertThat(WeightRole.of("blk.0.ffn_gate_shexp.weight", List.of(32L, 64L)))
        .isEqualTo(WeightRole.MATRIX);
    assertThat(WeightRole.of("output.weight", List.of(99L, 64L))).isEqualTo(WeightRole.HEAD);
    assertThat(WeightRole.of("token_embd.weight", List.of(99L, 64L)))
        .isEqualTo(WeightRole.EMBEDDING);
  }
}
