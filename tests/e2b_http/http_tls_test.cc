// Which certificates are accepted.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2b_http/http_testing.h"

namespace warren::testing {
namespace {

class HttpTlsTest : public HttpTest {
 protected:
  void Serve(const CertificateFields& fields, const std::string& client_authority = "") {
    server_ = std::make_unique<ScriptedServer>(
        ScriptedServer::Tls{IssueCertificate(authority_, fields), client_authority});
    server_->On("GET", "/", [this](ScriptedExchange& exchange) {
      {
        MutexLock lock(&mu_);
        server_name_ = exchange.connection().server_name();
        knows_client_ = exchange.connection().has_client_certificate();
      }
      exchange.Answer({.body = "safe"});
    });
  }
  void Trust(HttpTls tls) {
    if (tls.authorities.empty()) tls.authorities = authority_.certificate;
    Make({.tls = std::move(tls)});
  }
  Heard Get() {
    HttpRequest request;
    request.url = server_->Url("/");
    return Ask(request);
  }
  void ExpectNotAccepted() {
    const Heard heard = Get();
    EXPECT_EQ(heard.status.code(), absl::StatusCode::kUnavailable) << heard.status;
    EXPECT_TRUE(absl::StrContains(heard.status.message(), "certificate was not accepted"))
        << heard.status;
    EXPECT_FALSE(heard.sent);
    EXPECT_EQ(server_->requests().size(), 0u);
  }

  // What the server saw last.
  std::string server_name() {
    MutexLock lock(&mu_);
    return server_name_;
  }
  bool knows_client() {
    MutexLock lock(&mu_);
    return knows_client_;
  }

  const Identity authority_ = MakeAuthority("ours");

 private:
  // Each connection has a thread of its own; the server ends them.
  Mutex mu_;
  std::string server_name_ ABSL_GUARDED_BY(mu_);
  bool knows_client_ ABSL_GUARDED_BY(mu_) = false;

 protected:
  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(HttpTlsTest, RightCertificate) {
  Serve({});
  Trust({});
  EXPECT_EQ(Get().bytes, "safe");
  EXPECT_EQ(Get().bytes, "safe");
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpTlsTest, ManyAtOnce) {
  Serve({});
  Trust({});
  HttpRequest request;
  request.url = server_->Url("/");
  std::vector<SinkPtr> sinks;
  for (int i = 0; i < 40; ++i) sinks.push_back(Start(request));
  for (const SinkPtr& sink : sinks) EXPECT_EQ(End(sink).bytes, "safe");
  EXPECT_LE(server_->most_connections(), 10u);
}

// While all wait to see whether the first connection can be shared.
TEST_F(HttpTlsTest, ManyThatHangGetConnectionsOfTheirOwn) {
  Serve({});
  Trust({});
  server_->On("GET", "/", [](ScriptedExchange& exchange) { exchange.Hang(); });
  HttpRequest request;
  request.url = server_->Url("/");
  for (int i = 0; i < 30; ++i) Start(request);
  EXPECT_TRUE(Eventually([&] { return server_->requests().size() == 10; }));
}

TEST_F(HttpTlsTest, UnknownAuthority) {
  Serve({});
  Trust({.authorities = MakeAuthority("other").certificate});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, SystemsAuthoritiesDoNotKnowIt) {
  Serve({});
  Make({});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, WrongName) {
  Serve({.names = "DNS:other.test"});
  Trust({});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, Expired) {
  Serve({.begins = -3, .ends = -2});
  Trust({});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, NotYet) {
  Serve({.begins = 2, .ends = 3});
  Trust({});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, OtherNameIsExpected) {
  Serve({.names = "DNS:api.cloud.test"});
  Trust({.server_name = "api.cloud.test"});
  const Heard heard = Get();
  EXPECT_EQ(heard.bytes, "safe") << heard.status;
  EXPECT_EQ(server_name(), "api.cloud.test");
  EXPECT_EQ(server_->requests().at(0).header("host"), absl::StrCat("127.0.0.1:", server_->port()));
}

TEST_F(HttpTlsTest, OtherNameIsExpectedInsteadOfTheUrls) {
  Serve({});
  Trust({.server_name = "api.cloud.test"});
  ExpectNotAccepted();
}

TEST_F(HttpTlsTest, ClientsCertificate) {
  const Identity clients = MakeAuthority("clients");
  const Identity client = IssueCertificate(clients, {.names = "DNS:warren.test"});
  Serve({}, clients.certificate);
  Trust({.certificate = client.certificate, .key = client.key});
  EXPECT_EQ(Get().bytes, "safe");
  EXPECT_TRUE(knows_client());
}

TEST_F(HttpTlsTest, ClientsCertificateIsMissed) {
  Serve({}, MakeAuthority("clients").certificate);
  Trust({});
  const Heard heard = Get();
  EXPECT_EQ(heard.status.code(), absl::StatusCode::kUnavailable) << heard.status;
  EXPECT_EQ(server_->requests().size(), 0u);
}

TEST_F(HttpTlsTest, UnreadableCertificates) {
  Serve({});
  Trust({.certificate = "no certificate", .key = "no key"});
  EXPECT_EQ(Get().status.code(), absl::StatusCode::kUnavailable);
  Do([this] { client_ = nullptr; });
  Trust({.authorities = "no certificates"});
  EXPECT_EQ(Get().status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(HttpTlsTest, PlainServer) {
  ScriptedServer plain;
  Trust({});
  HttpRequest request;
  request.url = absl::StrCat("https://127.0.0.1:", plain.port(), "/");
  const Heard heard = Ask(request);
  EXPECT_EQ(heard.status.code(), absl::StatusCode::kUnavailable) << heard.status;
  EXPECT_FALSE(heard.sent);
}

}  // namespace
}  // namespace warren::testing
