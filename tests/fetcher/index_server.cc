#include "tests/fetcher/index_server.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr long kDay = 24 * 60 * 60;

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

void AddExtension(X509* certificate, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

Certificate MakeCertificate() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kDay);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("index.test"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  AddExtension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(made.get(), NID_subject_alt_name, "IP:127.0.0.1,IP:127.0.0.2,DNS:localhost");
  EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> secret(BIO_new(BIO_s_mem()), BIO_free);
  EXPECT_EQ(PEM_write_bio_X509(text.get(), made.get()), 1);
  EXPECT_EQ(
      PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  return {Contents(text.get()), Contents(secret.get())};
}

IndexServer::IndexServer(const std::string& address, const Certificate* certificate)
    : address_(address),
      acceptor_(io_, tcp::endpoint(asio::ip::make_address(address), 0)),
      port_(acceptor_.local_endpoint().port()) {
  if (certificate != nullptr) {
    tls_.emplace(asio::ssl::context::tls_server);
    tls_->use_certificate_chain(asio::buffer(certificate->certificate));
    tls_->use_private_key(asio::buffer(certificate->key), asio::ssl::context::pem);
  }
  thread_ = std::thread([this] { Run(); });
}

IndexServer::~IndexServer() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);
  }
  ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
  thread_.join();
}

void IndexServer::Set(const std::string& target, Answer answer) {
  MutexLock lock(&mu_);
  answers_[target] = std::move(answer);
}

std::vector<IndexServer::Asked> IndexServer::asked(const std::string& target) {
  MutexLock lock(&mu_);
  std::vector<Asked> found;
  for (const Asked& one : asked_) {
    if (one.target == target) found.push_back(one);
  }
  return found;
}

size_t IndexServer::connections() {
  MutexLock lock(&mu_);
  return connections_;
}

std::string IndexServer::root() const {
  return absl::StrCat(tls_ ? "https://" : "http://", address_, ":", port_);
}

void IndexServer::Run() {
  while (true) {
    beast::error_code error;
    tcp::socket socket = acceptor_.accept(error);
    {
      MutexLock lock(&mu_);
      if (stopping_ || error) return;
      ++connections_;
      serving_ = socket.native_handle();
    }
    if (tls_) {
      asio::ssl::stream<tcp::socket&> stream(socket, *tls_);
      stream.handshake(asio::ssl::stream_base::server, error);
      if (!error) Serve(stream);
    } else {
      Serve(socket);
    }
    MutexLock lock(&mu_);
    serving_ = -1;
  }
}

std::optional<IndexServer::Answer> IndexServer::AnswerTo(const Asked& asked) {
  MutexLock lock(&mu_);
  asked_.push_back(asked);
  auto found = answers_.find(asked.target);
  if (found == answers_.end()) return Answer{404, "nothing here", "text/plain"};
  if (found->second.drops > 0) {
    --found->second.drops;
    return std::nullopt;
  }
  return found->second;
}

// One request: another comes on a connection of its own.
template <class Stream>
void IndexServer::Serve(Stream& stream) {
  beast::flat_buffer buffer;
  http::request<http::string_body> request;
  beast::error_code error;
  http::read(stream, buffer, request, error);
  if (error) return;
  Asked asked{std::string(request.target()), {}};
  for (const auto& field : request) {
    asked.fields[absl::AsciiStrToLower(std::string(field.name_string()))] =
        std::string(field.value());
  }
  const std::optional<Answer> answer = AnswerTo(asked);
  if (!answer) return;
  if (answer->silent) {
    http::read(stream, buffer, request, error);
    return;
  }
  http::response<http::string_body> response(static_cast<http::status>(answer->status), 11);
  response.keep_alive(false);
  response.set(http::field::content_type, answer->content_type);
  for (const auto& [name, value] : answer->fields) response.set(name, value);
  response.content_length(answer->body.size());
  const bool is_head = request.method() == http::verb::head;
  if (!is_head)
    response.body() = answer->body.substr(0, answer->cut_after.value_or(std::string::npos));
  http::write(stream, response, error);
}

}  // namespace warren::testing
