package dev.consilium.model.family;

/** How what mixes tokens in a family's layers follows from a configuration. */
sealed interface MixingRules permits AttentionRules, LatentRules {}
