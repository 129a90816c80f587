package dev.consilium.model.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/**
 * SentencePiece's precompiled normalisation: the size in bytes of a double-array trie (uint32,
 * little-endian), the trie's units (uint32), then the replacement texts in UTF-8, each ended by a
 * zero byte. A unit holds a label, the offset to its children and whether it ends a key; the unit
 * at the offset then holds where the replacement begins.
 */
final class CharacterMap {

  private static final int LABEL = 0x800000FF;
  private static final int VALUE = 0x7FFFFFFF;

  private final int[] units;
  private final byte[] replacements;
  private final BitSet seen = new BitSet();
  private final Deque<Integer> open = new ArrayDeque<>();

  private CharacterMap(int[] units, byte[] replacements) {
    this.units = units;
    this.replacements = replacements;
  }

  /** Whether no key whatever leads out of the trie or to a replacement that does not exist. */
  static boolean isSound(byte[] map) {
    ByteBuffer bytes = ByteBuffer.wrap(map).order(ByteOrder.LITTLE_ENDIAN);
    int trieBytes = map.length < 4 ? -1 : bytes.getInt();
    if (trieBytes < 4 || trieBytes % 4 != 0 || trieBytes > bytes.remaining()) {
      return false;
    }
    int[] units = new int[trieBytes / 4];
    bytes.asIntBuffer().get(units);
    byte[] replacements = new byte[bytes.remaining() - trieBytes];
    bytes.position(4 + trieBytes).get(replacements);
    return isUtf8(replacements) && new CharacterMap(units, replacements).everyPathIsSound();
  }

  private static boolean isUtf8(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException notUtf8) {
      return false;
    }
  }

  /** Goes to every node that a key can reach, each once. */
  private boolean everyPathIsSound() {
    boolean sound = visit(offset(units[0]));
    while (sound && !open.isEmpty()) {
      int node = open.pop();
      for (int c = 1; sound && c < 256; c++) {
        int child = node ^ c;
        sound = child < units.length;
        if (sound && (units[child] & LABEL) == c) {
          sound = follow(child);
        }
      }
    }
    return sound;
  }

  private boolean follow(int child) {
    int next = child ^ offset(units[child]);
    boolean ends = ((units[child] >>> 8) & 1) == 1;
    return visit(next) && (!ends || isReplacement(units[next] & VALUE));
  }

  private boolean visit(int node) {
    if (node < 0 || node >= units.length) {
      return false;
    }
    if (!seen.get(node)) {
      seen.set(node);
      open.push(node);
    }
    return true;
  }

  private boolean isReplacement(int at) {
    boolean insideCharacter = at < replacements.length && (replacements[at] & 0xC0) == 0x80;
    return at <= replacements.length && !insideCharacter;
  }

  private static int offset(int unit) {
    return (unit >>> 10) << ((unit & (1 << 9)) >>> 6);
  }
}
