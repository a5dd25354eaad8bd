#include "runtime/relay/client_hello.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

using State = ClientHello::State;

// RFC 9849. This OpenSSL does not know it.
constexpr unsigned int kEncryptedClientHello = 0xfe0d;
// Of TLS records: change_cipher_spec to heartbeat, and the major version of every TLS.
constexpr char kFirstRecordType = 20;
constexpr char kLastRecordType = 24;
constexpr char kMajorVersion = 3;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

ClientHello Malformed(std::string problem) {
  return {.state = State::kMalformed, .problem = std::move(problem)};
}

// Takes `size` bytes of a number from the front.
bool TakeNumber(absl::string_view& bytes, size_t size, size_t& number) {
  if (bytes.size() < size) return false;
  number = 0;
  for (char c : bytes.substr(0, size)) number = number << 8 | static_cast<uint8_t>(c);
  bytes.remove_prefix(size);
  return true;
}

// Of the extension's bytes, which OpenSSL hands out before it reads them (RFC 6066, 3): a list,
// with its length, of one name, with its kind and its length. Empty where it is anything else.
absl::string_view OnlyServerName(absl::string_view list) {
  size_t list_size = 0, kind = 0, name_size = 0;
  if (!TakeNumber(list, 2, list_size) || list_size != list.size() || !TakeNumber(list, 1, kind) ||
      kind != TLSEXT_NAMETYPE_host_name || !TakeNumber(list, 2, name_size) ||
      name_size != list.size()) {
    return "";
  }
  return list;
}

// In OpenSSL's callback, when it has the whole message.
ClientHello Understand(SSL* ssl) {
  const unsigned char* data = nullptr;
  size_t size = 0;
  ClientHello hello = {.state = State::kComplete};
  hello.encrypted = SSL_client_hello_get0_ext(ssl, kEncryptedClientHello, &data, &size) == 1;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return hello;
  const absl::string_view name =
      OnlyServerName(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (name.empty()) return Malformed("its server_name extension has not one host name alone");
  absl::StatusOr<std::string> normalized = NormalizeHostName(name);
  if (!normalized.ok())
    return Malformed(absl::StrCat("its server name ", normalized.status().message()));
  hello.server_name = *std::move(normalized);
  return hello;
}

int OnClientHello(SSL* ssl, int*, void*) {
  *static_cast<ClientHello*>(SSL_get_app_data(ssl)) = Understand(ssl);
  // "Later": it stops here, and says nothing to the client.
  return SSL_CLIENT_HELLO_RETRY;
}

// The operator's openssl.cnf says what may be negotiated; here nothing is.
SSL_CTX* NewContext() {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  // It hands out only what it knows, or was told of.
  if (context == nullptr ||
      SSL_CTX_add_custom_ext(context, kEncryptedClientHello, SSL_EXT_CLIENT_HELLO, nullptr, nullptr,
                             nullptr, nullptr, nullptr) != 1) {
    std::abort();
  }
  SSL_CTX_set_client_hello_cb(context, OnClientHello, nullptr);
  return context;
}

std::unique_ptr<SSL, FreeSsl> NewReader(absl::string_view bytes, ClientHello& hello) {
  // For the process: it is never freed.
  static SSL_CTX* const context = NewContext();
  std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context));
  BIO* in = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
  BIO* out = BIO_new(BIO_s_null());
  if (ssl == nullptr || in == nullptr || out == nullptr) std::abort();
  // At its end there is more to come.
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl.get(), in, out);
  SSL_set_accept_state(ssl.get());
  SSL_set_app_data(ssl.get(), &hello);
  return ssl;
}

std::string LastProblem() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return reason == nullptr ? "it is not a client's first message" : reason;
}

}  // namespace

ClientHello InspectClientHello(absl::string_view first_bytes) {
  const absl::string_view bytes = first_bytes.substr(0, kMaxClientHello);
  if (bytes.empty()) return {};
  if (bytes[0] < kFirstRecordType || bytes[0] > kLastRecordType) return {.state = State::kNotTls};
  if (bytes.size() == 1) return {};
  if (bytes[1] != kMajorVersion) return {.state = State::kNotTls};

  ClientHello hello;
  const std::unique_ptr<SSL, FreeSsl> ssl = NewReader(bytes, hello);
  ERR_clear_error();
  const int error = SSL_get_error(ssl.get(), SSL_do_handshake(ssl.get()));
  if (error == SSL_ERROR_WANT_READ) {
    if (bytes.size() == kMaxClientHello) hello = Malformed("it is longer than 16 KiB");
  } else if (error != SSL_ERROR_WANT_CLIENT_HELLO_CB) {
    hello = Malformed(LastProblem());
  }
  ERR_clear_error();
  return hello;
}

std::string AccessDeniedAlert() {
  // Record type alert, version TLS 1.0 as every client takes it before one is agreed on, 2 bytes:
  // fatal, access_denied.
  return std::string("\x15\x03\x01\x00\x02\x02\x31", 7);
}

}  // namespace warren
