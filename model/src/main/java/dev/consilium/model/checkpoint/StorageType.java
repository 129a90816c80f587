package dev.consilium.model.checkpoint;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The element types of the safetensors format; named as in the file. Only some of them can be
 * computed with.
 */
enum StorageType {
  BOOL(8),
  U8(8),
  I8(8),
  F8_E4M3(8),
  F8_E5M2(8),
  F8_E8M0(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  I64(64),
  U64(64),
  F64(64),
  C64(64);

  private final int bits;

  StorageType(int bits) {
    this.bits = bits;
  }

  /** Bits per element. */
  int bits() {
    return bits;
  }

  static Optional<StorageType> named(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findFirst();
  }

  static String known() {
    return Arrays.stream(values())
        .map(type -> type.name().toUpperCase(Locale.ROOT))
        .collect(Collectors.joining(", "));
  }
}
