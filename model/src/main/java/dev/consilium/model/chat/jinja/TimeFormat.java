package dev.consilium.model.chat.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.util.Locale;

/** {@code strftime} of the C locale, with glibc's {@code %-d} (no leading zero). */
final class TimeFormat {

  private TimeFormat() {}

  static String format(Run run, String format, LocalDateTime time) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if (c != '%' || i + 1 == format.length()) {
        text.append(c);
        continue;
      }
      boolean bare = format.charAt(i + 1) == '-' && i + 2 < format.length();
      i += bare ? 2 : 1;
      String field = field(run, format.charAt(i), time);
      text.append(bare ? withoutZeros(field) : field);
    }
    return text.toString();
  }

  private static String withoutZeros(String field) {
    String shorter = field.replaceFirst("^[0 ]+", "");
    return shorter.isEmpty() ? "0" : shorter;
  }

  private static String field(Run run, char directive, LocalDateTime time) {
    return switch (directive) {
      case 'Y' -> String.valueOf(time.getYear());
      case 'y' -> pattern("uu", time);
      case 'm' -> pattern("MM", time);
      case 'B' -> time.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'b', 'h' -> time.getMonth().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'd' -> pattern("dd", time);
      case 'e' -> "%2d".formatted(time.getDayOfMonth());
      case 'j' -> pattern("DDD", time);
      case 'A' -> time.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
      case 'a' -> time.getDayOfWeek().getDisplayName(TextStyle.SHORT, Locale.ENGLISH);
      case 'w' -> String.valueOf(time.getDayOfWeek().getValue() % 7);
      case 'u' -> String.valueOf(time.getDayOfWeek().getValue());
      case 'H' -> pattern("HH", time);
      case 'I' -> pattern("hh", time);
      case 'M' -> pattern("mm", time);
      case 'S' -> pattern("ss", time);
      case 'f' -> pattern("SSSSSS", time);
      case 'p' -> time.getHour() < 12 ? "AM" : "PM";
      case 'F' -> pattern("uuuu-MM-dd", time);
      case 'D', 'x' -> pattern("MM/dd/uu", time);
      case 'T', 'X' -> pattern("HH:mm:ss", time);
      case 'R' -> pattern("HH:mm", time);
      case 'Z', 'z' -> "";
      case 'n' -> "\n";
      case 't' -> "\t";
      case '%' -> "%";
      default -> throw run.error("strftime_now does not know %" + directive);
    };
  }

  private static String pattern(String pattern, LocalDateTime time) {
    return DateTimeFormatter.ofPattern(pattern, Locale.ROOT).format(time);
  }
}
