package dev.consilium.expertnode.loading;

import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.SortedMap;

/**
 * A wanted change.
 *
 * @param load expert indices by layer; those held stay as they are
 * @param drop expert indices by layer; those not held do not matter
 * @param expectedEpoch refuse unless this is the node's epoch
 */
public record AssignOrder(
    SortedMap<Integer, NavigableSet<Integer>> load,
    SortedMap<Integer, NavigableSet<Integer>> drop,
    OptionalLong expectedEpoch) {}
