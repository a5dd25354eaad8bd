#ifndef WARREN_TESTS_E2B_HTTP_SCRIPTED_CONNECTION_H_
#define WARREN_TESTS_E2B_HTTP_SCRIPTED_CONNECTION_H_

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace warren::testing {

// A connection that was accepted, plain or by TLS, read and written by blocking calls of one
// thread; another may shut its socket down.
class ScriptedConnection {
 public:
  ScriptedConnection(UniqueFd socket, size_t number, SSL_CTX* tls);

  // False where the other side has gone or TLS fails.
  bool Send(absl::string_view bytes);
  // A line without its end; nothing where there is no more.
  std::optional<std::string> ReadLine();
  // Up to so many bytes; empty where there are no more.
  std::string Read(size_t most);
  std::optional<std::string> ReadExactly(size_t count);
  // Until the other side is gone.
  void ReadOut();
  // Its end is a reset.
  void Break();

  int socket() const { return socket_.get(); }
  // From 1.
  size_t number() const { return number_; }
  // The name that TLS's client asked for.
  std::string server_name() const;
  // Of a client whose certificate was verified.
  bool has_client_certificate() const;
  // False where TLS failed.
  bool is_up() const { return is_up_; }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  };
  bool Fill();

  UniqueFd socket_;
  const size_t number_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  bool is_up_ = true;
  std::string buffer_;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_SCRIPTED_CONNECTION_H_
