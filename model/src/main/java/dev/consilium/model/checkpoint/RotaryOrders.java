package dev.consilium.model.checkpoint;

import dev.consilium.model.family.AttentionNames;
import dev.consilium.model.family.GroupedQueryAttention;
import dev.consilium.model.family.LatentAttention;
import dev.consilium.model.family.LatentNames;
import dev.consilium.model.family.LayerSpec;
import dev.consilium.model.family.ModelSpec;
import dev.consilium.model.family.NoMixing;
import dev.consilium.model.family.QkNorm;
import dev.consilium.model.family.RecurrentAttention;
import dev.consilium.model.family.RotaryPairing;
import dev.consilium.model.family.WeightNames;
import java.util.HashMap;
import java.util.Map;

/**
 * Brings the values of a head that a rotary embedding turns together into one arrangement, as the
 * weights are loaded: halves, whatever the model was trained with. Queries and keys are permuted
 * alike, and no product of the two changes.
 */
final class RotaryOrders {

  private RotaryOrders() {}

  /** The weights whose rows are held in another order, by name. */
  static Map<String, RowOrder> orders(ModelSpec spec) {
    Map<String, RowOrder> orders = new HashMap<>();
    for (LayerSpec layer : spec.layers()) {
      AttentionNames names = spec.names().attention(layer.index());
      switch (layer.attention()) {
        case GroupedQueryAttention grouped -> add(grouped, names, orders);
        case LatentAttention latent -> add(latent, names, orders);
        case RecurrentAttention _, NoMixing _ -> {}
      }
    }
    return orders;
  }

  /** Queries and the shared key end with what is turned. */
  private static void add(
      LatentAttention attention, AttentionNames names, Map<String, RowOrder> orders) {
    attention
        .rotary()
        .filter(rotary -> rotary.pairing() == RotaryPairing.NEIGHBOURS)
        .ifPresent(rotary -> {
          LatentNames latent = names.latent();
          String queries =
              attention.queryRank().isPresent() ? latent.queryUp() : names.query().weight();
          RowOrder key = RowOrder.interleavedEnds(1, rotary.rotaryDim());
          orders.put(queries, RowOrder.interleavedEnds(attention.heads(), rotary.rotaryDim()));
          orders.put(latent.keyValueDown(), key);
          orders.put(WeightNames.bias(latent.keyValueDown()), key);
        });
  }

  private static void add(
      GroupedQueryAttention attention, AttentionNames names, Map<String, RowOrder> orders) {
    attention
        .rotary()
        .filter(rotary -> rotary.pairing() == RotaryPairing.NEIGHBOURS)
        .ifPresent(rotary -> {
          RowOrder query = RowOrder.interleaved(attention.heads(), rotary.rotaryDim());
          RowOrder key = RowOrder.interleaved(attention.kvHeads(), rotary.rotaryDim());
          boolean whole = attention.qkNorm() == QkNorm.WHOLE_PROJECTION;
          RowOrder oneHead = RowOrder.interleaved(1, rotary.rotaryDim());
          orders.put(names.query().weight(), query);
          orders.put(names.query().bias(), query);
          orders.put(names.key().weight(), key);
          orders.put(names.key().bias(), key);
          orders.put(names.queryNorm(), whole ? query : oneHead);
          orders.put(names.keyNorm(), whole ? key : oneHead);
        });
  }
}
