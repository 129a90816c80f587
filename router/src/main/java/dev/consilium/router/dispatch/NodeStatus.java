package dev.consilium.router.dispatch;

import java.util.Optional;

/**
 * An expert node as this router sees it.
 *
 * @param address where it is
 * @param description what it last said of itself; empty if it cannot be reached or does not fit,
 *     see {@code problem}
 * @param problem why the node is not used; empty if it is
 * @param inFlight dispatches sent and not answered
 */
public record NodeStatus(
    String address,
    Optional<ExpertNode.Description> description,
    Optional<String> problem,
    int inFlight) {}
