#include "tests/e2b_http/scripted_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace warren::testing {

ScriptedConnection::ScriptedConnection(UniqueFd socket, size_t number, SSL_CTX* tls)
    : socket_(std::move(socket)), number_(number) {
  if (tls == nullptr) return;
  ssl_.reset(::SSL_new(tls));
  ::SSL_set_fd(ssl_.get(), socket_.get());
  is_up_ = ::SSL_accept(ssl_.get()) == 1;
}

bool ScriptedConnection::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ssl_
                             ? ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool ScriptedConnection::Fill() {
  char bytes[16 << 10];
  const ssize_t got = ssl_ ? ::SSL_read(ssl_.get(), bytes, sizeof(bytes))
                           : ::recv(socket_.get(), bytes, sizeof(bytes), 0);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(got));
  return true;
}

std::optional<std::string> ScriptedConnection::ReadLine() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!Fill()) return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

std::string ScriptedConnection::Read(size_t most) {
  if (buffer_.empty() && !Fill()) return "";
  std::string part = buffer_.substr(0, most);
  buffer_.erase(0, part.size());
  return part;
}

std::optional<std::string> ScriptedConnection::ReadExactly(size_t count) {
  while (buffer_.size() < count) {
    if (!Fill()) return std::nullopt;
  }
  return Read(count);
}

void ScriptedConnection::ReadOut() {
  while (Fill()) buffer_.clear();
}

void ScriptedConnection::Break() {
  const linger at_once = {1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

std::string ScriptedConnection::server_name() const {
  const char* name = ssl_ ? ::SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return name != nullptr ? name : "";
}

bool ScriptedConnection::has_client_certificate() const {
  return ssl_ && ::SSL_get0_peer_certificate(ssl_.get()) != nullptr;
}

}  // namespace warren::testing
