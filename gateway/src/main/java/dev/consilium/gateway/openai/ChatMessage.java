package dev.consilium.gateway.openai;

import java.util.Optional;

/** One turn of a conversation; its text parts joined. */
public record ChatMessage(String role, String content, Optional<String> name) {}
