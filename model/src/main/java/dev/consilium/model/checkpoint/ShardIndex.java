package dev.consilium.model.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** {@code model.safetensors.index.json}: which shard holds which tensor. */
final class ShardIndex {

  private static final long MAX_BYTES = 100_000_000;

  /** A name in the same directory: no separator, and no way up. */
  private static final Pattern SHARD_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,200}\\.safetensors");

  private ShardIndex() {}

  /** Tensor name to shard file name. */
  static SortedMap<String, String> read(Path file) {
    return JsonFiles.file(
        file,
        MAX_BYTES,
        parser -> {
          SortedMap<String, String> shards = new TreeMap<>();
          boolean found = false;
          expect(file, parser.nextToken(), JsonToken.START_OBJECT, "index");
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            boolean map = parser.currentName().equals("weight_map");
            JsonToken value = parser.nextToken();
            if (map) {
              expect(file, value, JsonToken.START_OBJECT, "weight_map");
              readMap(file, parser, shards);
              found = true;
            } else {
              parser.skipChildren();
            }
          }
          if (!found || shards.isEmpty()) {
            throw new CheckpointException(file, "has no weight_map with tensors in it");
          }
          return shards;
        });
  }

  private static void readMap(Path file, JsonParser parser, SortedMap<String, String> shards)
      throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String tensor = parser.currentName();
      expect(file, parser.nextToken(), JsonToken.VALUE_STRING, "weight_map." + tensor);
      String shard = parser.getText();
      if (!SHARD_NAME.matcher(shard).matches()) {
        throw new CheckpointException(
            file,
            "tensor %s is said to be in %s, want the plain name of a .safetensors file in this directory"
                .formatted(tensor, shard.length() <= 80 ? shard : shard.substring(0, 80) + "..."));
      }
      shards.put(tensor, shard);
    }
  }

  private static void expect(Path file, JsonToken found, JsonToken wanted, String what) {
    if (found != wanted) {
      throw new CheckpointException(file, "%s is %s, want %s".formatted(what, found, wanted));
    }
  }
}
