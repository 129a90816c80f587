package dev.consilium.model.tokenizer;

/**
 * Says byte by byte whether a run of bytes is UTF-8 so far (RFC 3629: no overlong forms, no
 * surrogates, at most U+10FFFF).
 */
final class Utf8Validity {

  /** What the bytes so far are. */
  enum State {
    COMPLETE,
    INCOMPLETE,
    INVALID
  }

  private State state = State.COMPLETE;
  private int missing;

  /** The range of the next continuation byte, narrower after some lead bytes. */
  private int lowest;

  private int highest;

  State state() {
    return state;
  }

  void reset() {
    state = State.COMPLETE;
  }

  void accept(int value) {
    state =
        switch (state) {
          case INVALID -> State.INVALID;
          case COMPLETE -> lead(value);
          case INCOMPLETE -> continuation(value);
        };
  }

  private State lead(int value) {
    lowest = value == 0xE0 ? 0xA0 : value == 0xF0 ? 0x90 : 0x80;
    highest = value == 0xED ? 0x9F : value == 0xF4 ? 0x8F : 0xBF;
    if (value < 0x80) {
      return State.COMPLETE;
    }
    missing = value < 0xE0 ? 1 : value < 0xF0 ? 2 : 3;
    return value >= 0xC2 && value <= 0xF4 ? State.INCOMPLETE : State.INVALID;
  }

  private State continuation(int value) {
    if (value < lowest || value > highest) {
      return State.INVALID;
    }
    lowest = 0x80;
    highest = 0xBF;
    return --missing == 0 ? State.COMPLETE : State.INCOMPLETE;
  }
}
