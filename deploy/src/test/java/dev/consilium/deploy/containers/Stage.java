package dev.consilium.deploy.containers;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One stage of a container file.
 *
 * @param name what it is called after {@code AS}
 * @param base the image or the stage it starts from
 * @param instructions its own, without those of the base
 */
record Stage(String name, String base, List<Instruction> instructions) {

  private static final Pattern FROM = Pattern.compile("FROM (\\S+) AS (\\S+)");

  /** One instruction, continuation lines joined: {@code COPY} with {@code LICENSE NOTICE ./}. */
  record Instruction(String word, String arguments) {}

  Stage {
    instructions = List.copyOf(instructions);
  }

  /** The stages of a container file, in order. */
  static List<Stage> read(String text) {
    List<Stage> stages = new ArrayList<>();
    for (String line : logicalLines(text)) {
      String[] parts = line.split("\\s+", 2);
      if (parts[0].equals("FROM")) {
        stages.add(begin(line));
      } else if (stages.isEmpty()) {
        throw new IllegalArgumentException("\"" + line + "\" comes before the first FROM");
      } else {
        Stage last = stages.removeLast();
        List<Instruction> instructions = new ArrayList<>(last.instructions);
        instructions.add(new Instruction(parts[0], parts.length == 2 ? parts[1] : ""));
        stages.add(new Stage(last.name, last.base, instructions));
      }
    }
    return stages;
  }

  private static List<String> logicalLines(String text) {
    return text.lines()
        .filter(line -> !line.stripLeading().startsWith("#") && !line.isBlank())
        .reduce((all, line) ->
            all.endsWith("\\")
                ? all.substring(0, all.length() - 1) + line.strip()
                : all + "\n" + line)
        .map(all -> all.lines().toList())
        .orElse(List.of());
  }

  private static Stage begin(String line) {
    Matcher from = FROM.matcher(line);
    if (!from.matches()) {
      throw new IllegalArgumentException("\"" + line + "\", expected FROM base AS name");
    }
    return new Stage(from.group(2), from.group(1), List.of());
  }

  List<String> all(String word) {
    return instructions.stream()
        .filter(instruction -> instruction.word().equals(word))
        .map(Instruction::arguments)
        .toList();
  }

  Optional<String> last(String word) {
    List<String> all = all(word);
    return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
  }
}
