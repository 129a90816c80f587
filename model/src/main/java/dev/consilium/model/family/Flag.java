package dev.consilium.model.family;

/**
 * A yes or no of a configuration.
 *
 * @param field that says it; empty: nothing does, the family is so
 * @param absent what is meant where the field is absent
 */
record Flag(String field, boolean absent) {

  static final Flag ALWAYS = new Flag("", true);
  static final Flag NEVER = new Flag("", false);

  boolean read(ConfigFields fields) {
    return field.isEmpty() ? absent : fields.flag(field, absent);
  }
}
