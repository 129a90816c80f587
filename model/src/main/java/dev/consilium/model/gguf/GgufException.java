package dev.consilium.model.gguf;

import java.nio.file.Path;

/** A GGUF file is missing, unreadable, damaged, contradicts another or says what we do not know. */
public final class GgufException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final transient Path file;
  private final String problem;

  GgufException(Path file, String problem) {
    super(file + ": " + printable(problem));
    this.file = file;
    this.problem = printable(problem);
  }

  GgufException(Path file, String problem, Throwable cause) {
    super(file + ": " + printable(problem), cause);
    this.file = file;
    this.problem = printable(problem);
  }

  public Path file() {
    return file;
  }

  /** What is wrong, without the file. */
  public String problem() {
    return problem;
  }

  /** Names come from the file; they must not move the cursor of whoever reads the message. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}", "?");
  }
}
