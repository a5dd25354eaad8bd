#include "tests/e2b_http/scripted_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace warren::testing {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio PemReader(const std::string& pem) {
  return {BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free};
}

std::unique_ptr<X509, decltype(&X509_free)> CertificateOf(const std::string& pem) {
  return {PEM_read_bio_X509(PemReader(pem).get(), nullptr, nullptr, nullptr), X509_free};
}

SSL_CTX* MakeContext(const ScriptedServer::Tls& tls) {
  SSL_CTX* const context = ::SSL_CTX_new(::TLS_server_method());
  EXPECT_EQ(::SSL_CTX_use_certificate(context, CertificateOf(tls.identity.certificate).get()), 1);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(PemReader(tls.identity.key).get(), nullptr, nullptr, nullptr),
      EVP_PKEY_free);
  EXPECT_EQ(::SSL_CTX_use_PrivateKey(context, key.get()), 1);
  if (!tls.client_authority.empty()) {
    ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context),
                          CertificateOf(tls.client_authority).get());
    ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

// OpenSSL's writes have no MSG_NOSIGNAL. The process's own threads keep the signal, so that a test
// sees it where the client raises it.
void BlockSigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Nothing where there is no whole one.
std::optional<ScriptedRequest> ReadHead(ScriptedConnection& connection) {
  const std::optional<std::string> first = connection.ReadLine();
  if (!first) return std::nullopt;
  const std::vector<std::string> words = absl::StrSplit(*first, ' ');
  if (words.size() != 3) return std::nullopt;
  ScriptedRequest request;
  request.connection = connection.number();
  request.method = words[0];
  request.target = words[1];
  while (true) {
    const std::optional<std::string> line = connection.ReadLine();
    if (!line) return std::nullopt;
    if (line->empty()) return request;
    const std::pair<std::string, std::string> field =
        absl::StrSplit(*line, absl::MaxSplits(':', 1));
    request.headers[absl::AsciiStrToLower(field.first)] =
        std::string(absl::StripAsciiWhitespace(field.second));
  }
}

}  // namespace

ScriptedServer::ScriptedServer(const Tls* tls)
    : tls_(tls != nullptr ? MakeContext(*tls) : nullptr) {
  EXPECT_EQ(::listen(port_.fd(), 1024), 0);
  accepting_ = std::thread([this] { Accept(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(port_.fd(), SHUT_RDWR);
  accepting_.join();
  {
    MutexLock lock(&mu_);
    for (const auto& [number, socket] : open_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : serving_) thread.join();
}

void ScriptedServer::On(const std::string& method, const std::string& path, Script script) {
  MutexLock lock(&mu_);
  scripts_[{method, path}] = std::move(script);
}

void ScriptedServer::Answer(const std::string& method, const std::string& path,
                            ScriptedAnswer answer) {
  Answers(method, path, {std::move(answer)});
}

void ScriptedServer::Answers(const std::string& method, const std::string& path,
                             std::vector<ScriptedAnswer> answers) {
  auto next = std::make_shared<std::atomic<size_t>>(0);
  On(method, path, [answers = std::move(answers), next](ScriptedExchange& exchange) {
    exchange.Answer(answers[std::min((*next)++, answers.size() - 1)]);
  });
}

void ScriptedServer::OnOther(Script script) {
  MutexLock lock(&mu_);
  other_ = std::move(script);
}

void ScriptedServer::OnConnection(std::function<void(ScriptedConnection&)> script) {
  MutexLock lock(&mu_);
  on_connection_ = std::move(script);
}

std::vector<ScriptedRequest> ScriptedServer::requests(const std::string& path) {
  MutexLock lock(&mu_);
  std::vector<ScriptedRequest> found;
  for (const ScriptedRequest& request : requests_) {
    if (path.empty() || request.path() == path) found.push_back(request);
  }
  return found;
}

size_t ScriptedServer::connections() {
  MutexLock lock(&mu_);
  return connections_;
}

size_t ScriptedServer::open_connections() {
  MutexLock lock(&mu_);
  return open_.size();
}

size_t ScriptedServer::most_connections() {
  MutexLock lock(&mu_);
  return most_;
}

std::string ScriptedServer::Url(const std::string& path) const {
  return absl::StrCat(tls_ ? "https" : "http", "://127.0.0.1:", port(), path);
}

void ScriptedServer::Accept() {
  BlockSigpipe();
  while (!stopping_) {
    UniqueFd socket(::accept4(port_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) return;
    // What is said piecewise comes piecewise.
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    size_t number = 0;
    {
      MutexLock lock(&mu_);
      number = ++connections_;
      open_[number] = socket.get();
      most_ = std::max(most_, open_.size());
    }
    serving_.emplace_back(
        [this, number, held = std::move(socket)]() mutable { Serve(std::move(held), number); });
  }
}

void ScriptedServer::Serve(UniqueFd socket, size_t number) {
  ScriptedConnection connection(std::move(socket), number, tls_.get());
  std::function<void(ScriptedConnection&)> script;
  {
    MutexLock lock(&mu_);
    script = on_connection_;
  }
  if (connection.is_up()) {
    if (script) {
      script(connection);
    } else {
      ServeHttp(connection);
    }
  }
  MutexLock lock(&mu_);
  open_.erase(number);
}

void ScriptedServer::ServeHttp(ScriptedConnection& connection) {
  while (!stopping_) {
    std::optional<ScriptedRequest> request = ReadHead(connection);
    if (!request) return;
    const size_t index = Keep(*request);
    const Script script = ScriptFor(*request);
    ScriptedExchange exchange(connection, stopping_, *std::move(request),
                              [this, index](const ScriptedRequest& whole) {
                                MutexLock lock(&mu_);
                                requests_[index] = whole;
                              });
    script(exchange);
    if (!exchange.goes_on()) return;
  }
}

ScriptedServer::Script ScriptedServer::ScriptFor(const ScriptedRequest& request) {
  MutexLock lock(&mu_);
  const auto found = scripts_.find({request.method, request.path()});
  if (found != scripts_.end()) return found->second;
  if (other_) return other_;
  return
      [](ScriptedExchange& exchange) { exchange.Answer({.status = 404, .body = "nothing here"}); };
}

size_t ScriptedServer::Keep(const ScriptedRequest& request) {
  MutexLock lock(&mu_);
  requests_.push_back(request);
  return requests_.size() - 1;
}

}  // namespace warren::testing
