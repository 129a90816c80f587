package dev.consilium.deploy.manifests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** One mistake at a time in otherwise good manifests: each must be found, and named. */
class BrokenManifestsTest {

  @ParameterizedTest(name = "{0}: {1} becomes {2}")
  @MethodSource("mistakes")
  void rules_oneMistake_isNamed(String file, String good, String bad, String expected) {
    Map<String, String> files = BaseFiles.read("base");
    String text = files.getOrDefault(file, "");
    assertThat(text).contains(good);
    int at = text.indexOf(good);
    files.put(file, text.substring(0, at) + bad + text.substring(at + good.length()));
    assertThat(problems(files)).anySatisfy(problem -> assertThat(problem).contains(expected));
  }

  private static List<String> problems(Map<String, String> files) {
    try {
      return Rule.allProblems(Cluster.read(files));
    } catch (ManifestException e) {
      return List.of(String.valueOf(e.getMessage()));
    }
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
            schema(),
            identity(),
            references(),
            probes(),
            security(),
            resources(),
            environment(),
            shares(),
            network())
        .flatMap(List::stream);
  }

  private static List<Arguments> schema() {
    return List.of(
        arguments(
            "router.yaml",
            "imagePullPolicy:",
            "imagePulPolicy:",
            "unknown fields [spec.template.spec.containers[0].imagePulPolicy]"),
        arguments(
            "gateway.yaml",
            "targetPort: http",
            "targetport: http",
            "unknown fields [spec.ports[0].targetport]"),
        arguments("namespace.yaml", "  labels:", "  label:", "unknown fields [metadata.label]"),
        arguments("router.yaml", "  replicas: 2", "  replicas: two", "a value of the wrong type"),
        arguments(
            "router.yaml",
            "  replicas: 2",
            "  replicas: 2\n  replicas: 3",
            "not YAML: Duplicate field 'replicas'"),
        arguments("gateway.yaml", "policy/v1", "policy/v1beta1", "unknown kind"),
        arguments("gateway.yaml", "kind: Deployment", "kind: Deploiment", "unknown kind"),
        arguments("router.yaml", "clusterIP: None", "clusterIP: [None", "not YAML"));
  }

  private static List<Arguments> identity() {
    return List.of(
        arguments(
            "router.yaml", "namespace: consilium", "namespace: default", "namespace is default"),
        arguments(
            "router.yaml", "  name: router", "  name: gateway", "Service gateway: defined twice"),
        arguments("gateway.yaml", ":0.1.0", ":latest", "image is consilium/gateway:latest"),
        arguments(
            "gateway.yaml",
            "consilium/gateway:",
            "consilium/router:",
            "expected consilium/gateway:<version>"));
  }

  private static List<Arguments> references() {
    return List.of(
        arguments(
            "router.yaml",
            "serviceAccountName: consilium",
            "serviceAccountName: other",
            "no ServiceAccount other"),
        arguments(
            "router.yaml",
            "                name: consilium\n          env",
            "                name: other\n          env",
            "no ConfigMap other"),
        arguments(
            "router.yaml",
            "claimName: model",
            "claimName: models",
            "no PersistentVolumeClaim models"),
        arguments(
            "expert-node.yaml",
            "serviceName: expert-node",
            "serviceName: gateway",
            "no headless Service gateway"),
        arguments(
            "router.yaml",
            "            - name: temporary",
            "            - name: scratch",
            "mounts [model, scratch]"),
        arguments(
            "router.yaml",
            "    matchLabels:\n      app.kubernetes.io/name: consilium",
            "    matchLabels:\n      app.kubernetes.io/name: other",
            "selector does not match"),
        arguments(
            "router.yaml",
            "              app.kubernetes.io/component: router",
            "              app.kubernetes.io/component: other",
            "spread constraint does not match"),
        arguments(
            "router.yaml",
            "targetPort: grpc",
            "targetPort: http",
            "port 9100 -> http is not a port of Deployment router"),
        arguments(
            "router.yaml",
            "      port: 9100",
            "      port: 9101",
            "port 9101 -> grpc is not a port of Deployment router"),
        arguments(
            "router.yaml",
            "  selector:\n    app.kubernetes.io/name: consilium",
            "  selector:\n    app.kubernetes.io/name: other",
            "selects 0 workloads"),
        arguments(
            "gateway.yaml",
            "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: consilium",
            "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: other",
            "PodDisruptionBudget gateway: selects no"));
  }

  private static List<Arguments> probes() {
    return List.of(
        arguments("router.yaml", "livenessProbe:", "readinessProbe:", "Duplicate field"),
        arguments(
            "gateway.yaml",
            "startupProbe:\n            httpGet:\n              path: /health/live\n              port: http\n            periodSeconds: 2\n            failureThreshold: 60\n",
            "tty: false\n",
            "startupProbe: missing"),
        arguments(
            "gateway.yaml",
            "/health/ready",
            "/health/live",
            "readinessProbe: asks for \"/health/live\", expected \"/health/ready\""),
        arguments(
            "gateway.yaml",
            "              port: http",
            "              port: web",
            "its port is not one that the container declares"),
        arguments(
            "router.yaml",
            "consilium.router.v1.RouterService",
            "consilium.router.RouterService",
            "expected \"consilium.router.v1.RouterService\""),
        arguments(
            "expert-node.yaml",
            "              service: consilium.expert.v1.ExpertService\n",
            "",
            "readinessProbe: asks for \"\""),
        arguments(
            "router.yaml",
            "              port: 9100",
            "              port: 9200",
            "its port is not one that the container declares"),
        arguments(
            "router.yaml",
            "terminationGracePeriodSeconds: 150",
            "terminationGracePeriodSeconds: 5",
            "terminationGracePeriodSeconds is 5, expected 130 or more"),
        arguments(
            "gateway.yaml",
            "              sleep:\n                seconds: 5",
            "              exec:\n                command: [sleep, \"5\"]",
            "preStop runs a command"),
        arguments(
            "gateway.yaml",
            "seconds: 5",
            "seconds: 50",
            "terminationGracePeriodSeconds is 150, expected 180 or more"),
        arguments(
            "settings.yaml",
            "CONSILIUM_DRAIN_TIMEOUT: 120s",
            "CONSILIUM_DRAIN_TIMEOUT: 2 minutes",
            "CONSILIUM_DRAIN_TIMEOUT is 2 minutes"),
        arguments(
            "expert-node.yaml",
            "value: 30s",
            "value: 300s",
            "terminationGracePeriodSeconds is 60, expected 310 or more"));
  }

  private static List<Arguments> security() {
    return List.of(
        arguments(
            "router.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot is not true"),
        arguments(
            "router.yaml", "runAsUser: 10001", "runAsUser: 0", "runAsUser is not a number above 0"),
        arguments(
            "router.yaml",
            "type: RuntimeDefault",
            "type: Unconfined",
            "seccompProfile is not RuntimeDefault"),
        arguments(
            "router.yaml",
            "automountServiceAccountToken: false",
            "automountServiceAccountToken: true",
            "mounts a service account token"),
        arguments(
            "namespace.yaml",
            "automountServiceAccountToken: false",
            "automountServiceAccountToken: true",
            "ServiceAccount consilium: mounts its token"),
        arguments(
            "router.yaml",
            "      automountServiceAccountToken: false",
            "      automountServiceAccountToken: false\n      hostNetwork: true",
            "shares a namespace of the machine"),
        arguments(
            "router.yaml",
            "          emptyDir:\n            sizeLimit: 256Mi",
            "          hostPath:\n            path: /tmp",
            "mounts a hostPath"),
        arguments(
            "router.yaml",
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: true",
            "allowPrivilegeEscalation is not false"),
        arguments(
            "router.yaml",
            "readOnlyRootFilesystem: true",
            "readOnlyRootFilesystem: false",
            "readOnlyRootFilesystem is not true"),
        arguments(
            "router.yaml", "drop: [ALL]", "drop: [NET_RAW]", "does not drop ALL capabilities"),
        arguments(
            "router.yaml",
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: false\n            privileged: true",
            "is privileged"),
        arguments(
            "router.yaml",
            "              mountPath: /models\n              readOnly: true",
            "              mountPath: /models",
            "/models is not read-only"));
  }

  private static List<Arguments> resources() {
    return List.of(
        arguments("gateway.yaml", "              cpu: 500m\n", "", "no request for cpu"),
        arguments(
            "router.yaml",
            "              memory: 4Gi",
            "              memory: 2Gi",
            "is not the limit"),
        arguments(
            "router.yaml",
            "              memory: 4Gi",
            "              memory: 4Gb",
            "is not a quantity"),
        arguments(
            "router.yaml",
            "              cpu: \"2\"",
            "              cpu: \"3\"",
            "is above the limit"),
        arguments(
            "router.yaml",
            "          emptyDir:\n            sizeLimit: 256Mi",
            "          emptyDir: {}",
            "has no sizeLimit"));
  }

  private static List<Arguments> environment() {
    return List.of(
        arguments(
            "settings.yaml",
            "CONSILIUM_ROUTER_NODES:",
            "CONSILIUM_ROUTER_NODE:",
            "no process reads CONSILIUM_ROUTER_NODE;"),
        arguments(
            "expert-node.yaml",
            "name: CONSILIUM_NODE_NAME",
            "name: NODE_NAME",
            "no process reads NODE_NAME"),
        arguments(
            "settings.yaml",
            "dns:///expert-node:9200",
            "dns:///expert-nodes:9200",
            "expected dns:///name:port of a headless service"),
        arguments(
            "settings.yaml",
            "dns:///expert-node:9200",
            "dns:///expert-node:9100",
            "expected dns:///name:port of a headless service"),
        arguments(
            "settings.yaml",
            "dns:///router:9100",
            "router:9100",
            "is router:9100, expected dns:///name:port"),
        arguments(
            "router.yaml",
            "clusterIP: None",
            "clusterIP: 10.0.0.1",
            "expected dns:///name:port of a headless service"),
        arguments(
            "router.yaml",
            "enableServiceLinks: false",
            "enableServiceLinks: true",
            "enableServiceLinks is not false"),
        arguments(
            "settings.yaml",
            "CONSILIUM_METRICS_PORT: \"9464\"",
            "CONSILIUM_METRICS_PORT: \"9465\"",
            "prometheus.io/port is 9464, expected 9465"),
        arguments(
            "gateway.yaml",
            "prometheus.io/port: \"8080\"",
            "prometheus.io/port: \"9464\"",
            "prometheus.io/port is 9464, expected 8080"),
        arguments(
            "gateway.yaml",
            "prometheus.io/path: /metrics",
            "prometheus.io/path: /q/metrics",
            "prometheus.io/path is not /metrics"),
        arguments(
            "gateway.yaml",
            "prometheus.io/scrape: \"true\"",
            "prometheus.io/scrape: \"false\"",
            "is not annotated to be scraped"));
  }

  private static List<Arguments> shares() {
    return List.of(
        arguments(
            "expert-node.yaml",
            "  replicas: 2",
            "  replicas: 3",
            "CONSILIUM_NODE_SHARE of pod 0 of 3 is $(POD_INDEX)/2"),
        arguments(
            "expert-node.yaml",
            "$(POD_INDEX)/2",
            "0/2",
            "CONSILIUM_NODE_SHARE of pod 1 of 2 is 0/2"),
        arguments(
            "expert-node.yaml",
            "name: POD_INDEX",
            "name: CONSILIUM_NODE_PORT",
            "uses $(POD_INDEX), which is not defined before it"),
        arguments("expert-node.yaml", "pod-index", "pod-name", "POD_INDEX is not the label"),
        arguments(
            "expert-node.yaml", "Parallel", "OrderedReady", "podManagementPolicy is not Parallel"));
  }

  private static List<Arguments> network() {
    return List.of(
        arguments(
            "network-policies.yaml",
            "podSelector: {}",
            "podSelector:\n    matchLabels:\n      app.kubernetes.io/component: router",
            "none that denies everything"),
        arguments(
            "network-policies.yaml",
            "        - port: 9200",
            "        - port: 9100",
            "expert-node:9100"),
        arguments(
            "network-policies.yaml", "- port: 4317", "- port: 4318", "namespace:monitoring:4318"),
        arguments(
            "network-policies.yaml",
            "              app.kubernetes.io/component: router",
            "              app.kubernetes.io/component: gateway",
            "gateway -> gateway"),
        arguments(
            "network-policies.yaml",
            "kubernetes.io/metadata.name: kube-system\n      ports:\n        - port: 53\n          protocol: UDP\n        - port: 53\n          protocol: TCP",
            "kubernetes.io/metadata.name: kube-system",
            "namespace:kube-system:0"),
        arguments(
            "network-policies.yaml",
            "    - from:\n        - podSelector:\n            matchLabels:\n              app.kubernetes.io/name: consilium\n              app.kubernetes.io/component: gateway\n      ports:",
            "    - ports:",
            "anywhere -> router:9100"),
        arguments(
            "network-policies.yaml",
            "policyTypes: [Ingress, Egress]\n  ingress",
            "policyTypes: [Egress]\n  ingress",
            "policyTypes lacks Ingress"),
        arguments(
            "gateway.yaml",
            "containerPort: 9000",
            "containerPort: 9001",
            "anywhere -> gateway:9000 leads to a port that no pod declares"));
  }
}
