package dev.consilium.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import dev.consilium.gateway.FakeRouter.Answer;
import dev.consilium.gateway.FakeRouter.Ending;
import dev.consilium.gateway.http.Routes;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Clients that leave, read nothing, send slowly, or are too many. */
class ClientsFaultTest {
  private static final String BODY =
      "{\"model\":\"demo\",\"prompt\":\"Hello\",\"max_tokens\":400,\"stream\":%s}";
  private FakeRouter router;

  @BeforeEach
  void start() throws IOException {
    router = FakeRouter.start();
  }

  @AfterEach
  void stop() {
    router.close();
  }

  /** A socket on which a completion was asked for. */
  private static Socket ask(TestGateway gateway, boolean stream, int receiveBuffer)
      throws IOException {
    String body = BODY.formatted(stream);
    Socket socket = new Socket();
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.setSoTimeout(20_000);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), gateway.port()));
    String request =
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().flush();
    return socket;
  }

  private static void readUntil(Socket socket, String expected) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder text = new StringBuilder();
    while (text.indexOf(expected) < 0) {
      int next = in.read();
      if (next < 0) {
        throw new AssertionError("the connection ended after: " + text);
      }
      text.append((char) next);
    }
  }

  @Test
  void client_leavesMidStream_cancelsRouterStream() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon")).ending(new Ending.Never()));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, router)) {
      try (Socket socket = ask(gateway, true, 0)) {
        readUntil(socket, "upon");
      }

      assertThat(router.awaitCancelled()).isTrue();
      Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    }
  }

  @Test
  void client_leavesWhileWaitingForWholeAnswer_cancelsRouterStream() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once")).ending(new Ending.Never()));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, router)) {
      try (Socket _ = ask(gateway, false, 0)) {
        router.request();
      }

      assertThat(router.awaitCancelled()).isTrue();
      Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    }
  }

  @Test
  void client_leavesWhileSendingBody_givesPlaceBack() throws Exception {
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, router)) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), gateway.port())) {
        String request =
            "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Content-Length: 1000\r\n\r\n{";
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        Await.until("the request arrived", () -> gateway.gateway().inFlight() == 1);
      }

      Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    }
  }

  @Test
  void client_sendsBodyTooSlowly_isAnswered408() throws Exception {
    Routes.Limits hurried =
        new Routes.Limits(1 << 20, Duration.ofMillis(50), Duration.ofSeconds(30), 16 << 10);
    try (TestGateway gateway =
            TestGateway.start(TestGateway.Limits.USUAL.withHttp(hurried), router);
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), gateway.port())) {
      socket.setSoTimeout(20_000);
      String request =
          "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              + "Content-Length: 1000\r\n\r\n{";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));

      readUntil(socket, "HTTP/1.1 408");
      readUntil(socket, "body_timeout");
      Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    }
  }

  @Test
  void client_readsNothing_holdsRouterBackThenIsCutOff() throws Exception {
    // Each event is some 200 bytes, so that an unbounded gateway would take millions of tokens.
    router.answers(Answer.of(TestGateway.tokens("x")).ending(new Ending.Endless()));
    Routes.Limits impatient =
        new Routes.Limits(1 << 20, Duration.ofSeconds(30), Duration.ofMillis(700), 16 << 10);
    try (TestGateway gateway =
            TestGateway.start(TestGateway.Limits.USUAL.withHttp(impatient), router);
        Socket socket = ask(gateway, true, 4096)) {
      readUntil(socket, "data: ");

      assertThat(router.awaitCancelled()).isTrue();
      // What socket buffers, windows and our own bound hold; measured: some 20000 to 60000.
      assertThat(router.sent()).isLessThan(200_000);
      Await.until("the place given back", () -> gateway.gateway().inFlight() == 0);
    }
  }

  @Test
  void clients_tooMany_areShedWithRetryAfter() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once")).ending(new Ending.Never()));
    try (TestGateway gateway =
            TestGateway.start(TestGateway.Limits.USUAL.withMaxInFlight(1), router);
        Socket _ = ask(gateway, false, 0)) {
      router.request();

      HttpResponse<String> response = gateway.post("/v1/completions", BODY.formatted(false));

      assertThat(response.statusCode()).isEqualTo(429);
      assertThat(response.headers().firstValue("Retry-After")).contains("1");
      assertThat(response.body()).contains("\"code\":\"overloaded\"");
      assertThat(gateway.get("/health/live").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void request_slowerThanItsLimit_is504() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once")).ending(new Ending.Never()));
    try (TestGateway gateway =
        TestGateway.start(
            TestGateway.Limits.USUAL.withRequestTimeout(Duration.ofMillis(200)), router)) {
      HttpResponse<String> response = gateway.post("/v1/completions", BODY.formatted(false));

      assertThat(response.statusCode()).isEqualTo(504);
      assertThat(response.body()).contains("\"code\":\"timeout\"");
      assertThat(router.awaitCancelled()).isTrue();
    }
  }

  @Test
  void gateway_drains_refusesNewRequestsAndKeepsThoseAdmitted() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon")).ending(new Ending.Never()));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, router)) {
      Thread drain;
      try (Socket socket = ask(gateway, true, 0)) {
        readUntil(socket, "upon");
        drain = Thread.ofVirtual().start(() -> gateway.gateway().drain(Duration.ofMinutes(1)));
        Await.until("draining", () -> !gateway.gateway().readiness().ready());

        HttpResponse<String> refused = gateway.post("/v1/completions", BODY.formatted(false));

        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Connection")).contains("close");
        assertThat(refused.body()).contains("\"code\":\"stopping\"");
        assertThat(gateway.gateway().inFlight()).isEqualTo(1);
        assertThat(router.cancelledNow()).isZero();
      }
      drain.join();
      assertThat(gateway.gateway().inFlight()).isZero();
    }
  }

  @Test
  void gateway_stopsMidStream_endsStreamWithAnErrorEvent() throws Exception {
    router.answers(Answer.of(TestGateway.tokens("Once upon")).ending(new Ending.Never()));
    try (TestGateway gateway = TestGateway.start(TestGateway.Limits.USUAL, router);
        Socket socket = ask(gateway, true, 0)) {
      readUntil(socket, "upon");

      gateway.gateway().drain(Duration.ofMillis(1));

      readUntil(socket, "\"code\":\"stopping\"");
      assertThat(gateway.gateway().readiness().ready()).isFalse();
      assertThat(gateway.get("/health/ready").body()).contains("stopping");
      assertThat(gateway.post("/v1/completions", BODY.formatted(false)).statusCode())
          .isEqualTo(503);
      assertThat(router.awaitCancelled()).isTrue();
    }
  }
}
