// A cloud whose certificate is not the right one gets no key; and what the log holds of all that.

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "tests/e2b_http/certificates.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

class ReplayTlsTest : public ReplayTest {
 protected:
  void Serve(const CertificateFields& fields, const std::string& trusted) {
    safe_ =
        std::make_unique<ReplayCloud>(ScriptedServer::Tls{IssueCertificate(authority_, fields)});
    CloudOptions options = Options(safe_->url());
    options.http.tls.authorities = trusted;
    Make(std::move(options));
  }
  // Clients hear that it was the certificate, the operator what was wrong with it.
  void ExpectRefused(absl::string_view logged) {
    ExpectError(Create().status(), kUnavailable, "the cloud's TLS certificate was not accepted");
    EXPECT_TRUE(safe_->server().requests().empty());
    const std::string log = absl::AsciiStrToLower(LogAtTheEnd());
    EXPECT_TRUE(absl::StrContains(log, logged)) << log;
  }

  const Identity authority_ = MakeAuthority("ours");
  std::unique_ptr<ReplayCloud> safe_;
};

TEST_F(ReplayTlsTest, RightCertificate) {
  Serve({}, authority_.certificate);
  const auto sandbox = NewSandbox();
  EXPECT_EQ(Run(*sandbox)->out(), "hello\n");
  const Process process = Start(*sandbox);
  EXPECT_TRUE(process.sink->Wait().ok());
}

TEST_F(ReplayTlsTest, OtherName) {
  Serve({.names = "DNS:api.elsewhere.test"}, authority_.certificate);
  ExpectRefused("subject name");
}

TEST_F(ReplayTlsTest, Expired) {
  Serve({.begins = -3, .ends = -2}, authority_.certificate);
  ExpectRefused("expired");
}

TEST_F(ReplayTlsTest, UnknownAuthority) {
  Serve({}, MakeAuthority("other").certificate);
  ExpectRefused("issuer");
}

TEST_F(ReplayTlsTest, SystemsAuthorities) {
  Serve({}, "");
  ExpectRefused("certificate");
}

// In none of its lines is a key or a token, whatever goes wrong: the fixture looks at them all.
TEST_F(ReplayTest, LogOfWhatGoesWrong) {
  const auto sandbox = NewSandbox();
  EXPECT_EQ(Run(*sandbox)->out(), "hello\n");
  for (const char* path :
       {ReplayCloud::kCreates, ReplayCloud::kCells, ReplayCloud::kStarts, ReplayCloud::kFiles}) {
    server().On("POST", path, [](ScriptedExchange& exchange) {
      exchange.ReadBody();
      // What it was told, as an answer that is none.
      exchange.Send(exchange.request().header("x-api-key"));
      exchange.Send(exchange.request().header("x-access-token"));
      exchange.connection().Break();
    });
  }
  const absl::Status create = Create().status();
  ExpectError(create, create.code());
  const absl::Status cell = Run(*sandbox)->status();
  ExpectError(cell, cell.code());
  const absl::Status process = Start(*sandbox).sink->Wait();
  ExpectError(process, process.code());
  const std::string log = LogAtTheEnd();
  EXPECT_TRUE(absl::StrContains(log, "event=cloud_sandbox_made")) << log;
  EXPECT_TRUE(absl::StrContains(log, "event=http_failed")) << log;
  EXPECT_FALSE(absl::StrContains(log, "5ec2e7")) << log;
}

}  // namespace
}  // namespace warren::testing
