package dev.consilium.deploy.manifests;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A Kubernetes API server that knows the kinds we use and holds no object. Even its dry run at the
 * client makes kubectl ask a server for the kinds and for each object; this one answers, so that
 * the command runs where no cluster is.
 *
 * <p>Answers come from the HTTP server's own thread; {@link #writes} may be read from any.
 */
final class EmptyApiServer implements AutoCloseable {

  /** A kind as discovery lists it. */
  private record Kind(String name, String plural, boolean namespaced) {

    String json() {
      return """
      {"name":"%s","singularName":"","namespaced":%s,"kind":"%s","verbs":["create","get","list","patch"]}\
      """
          .formatted(plural, namespaced, name);
    }
  }

  private static final Map<String, List<Kind>> KINDS =
      Map.of(
          "/api/v1",
          List.of(
              new Kind("Namespace", "namespaces", false),
              new Kind("PersistentVolume", "persistentvolumes", false),
              new Kind("PersistentVolumeClaim", "persistentvolumeclaims", true),
              new Kind("ServiceAccount", "serviceaccounts", true),
              new Kind("ConfigMap", "configmaps", true),
              new Kind("Service", "services", true)),
          "/apis/apps/v1",
          List.of(
              new Kind("Deployment", "deployments", true),
              new Kind("StatefulSet", "statefulsets", true)),
          "/apis/policy/v1",
          List.of(new Kind("PodDisruptionBudget", "poddisruptionbudgets", true)),
          "/apis/networking.k8s.io/v1",
          List.of(new Kind("NetworkPolicy", "networkpolicies", true)));

  private static final String NOT_FOUND =
      """
      {"kind":"Status","apiVersion":"v1","status":"Failure","message":"not found","reason":"NotFound","code":404}\
      """;

  private final HttpServer server;
  private final ConcurrentLinkedQueue<String> writes = new ConcurrentLinkedQueue<>();

  EmptyApiServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
  }

  String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Requests that would have changed something. */
  List<String> writes() {
    return List.copyOf(writes);
  }

  @Override
  public void close() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    if (!exchange.getRequestMethod().equals("GET")) {
      writes.add(exchange.getRequestMethod() + " " + path);
    }
    String found =
        switch (path) {
          case "/api" -> "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}";
          case "/apis" -> groups();
          default -> KINDS.containsKey(path) ? kinds(path) : "";
        };
    byte[] body = (found.isEmpty() ? NOT_FOUND : found).getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(found.isEmpty() ? 404 : 200, body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
  }

  private static String groups() {
    return KINDS.keySet().stream()
        .filter(path -> path.startsWith("/apis/"))
        .map(path -> group(Path.of(path).getName(1).toString()))
        .collect(
            Collectors.joining(
                ",", "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[", "]}"));
  }

  private static String group(String name) {
    String version = "{\"groupVersion\":\"" + name + "/v1\",\"version\":\"v1\"}";
    return "{\"name\":\"%s\",\"versions\":[%s],\"preferredVersion\":%s}"
        .formatted(name, version, version);
  }

  private static String kinds(String path) {
    String groupVersion = path.replaceFirst("/apis?/", "");
    Stream<String> resources = KINDS.getOrDefault(path, List.of()).stream().map(Kind::json);
    return "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s\",\"resources\":[%s]}"
        .formatted(groupVersion, resources.collect(Collectors.joining(",")));
  }
}
