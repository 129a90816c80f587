package dev.consilium.deploy.manifests;

import java.util.ArrayList;
import java.util.List;

/** Collects what a rule finds wrong with one thing after the other. */
final class Problems {

  private final List<String> found = new ArrayList<>();

  /** Adds {@code what} about {@code where} unless the requirement holds. */
  void require(boolean holds, String where, String what) {
    if (!holds) {
      found.add(where + ": " + what);
    }
  }

  List<String> found() {
    return List.copyOf(found);
  }
}
