// All that a client of the E2B door says on one connection: to a server whose handler takes every
// body and says how long it was.
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/http/http_server.h"

namespace {

constexpr size_t kMostBody = 1 << 16;
// Reads that come to no end within it have found something.
constexpr int kGiveUpSeconds = 30;

warren::Async<void> SayLength(warren::Exchange& exchange) {
  auto body = co_await exchange.ReadBody(kMostBody);
  if (!body.ok()) {
    co_await exchange.Answer(warren::HttpStatus::bad_request, "", "");
    co_return;
  }
  if (body->size() > kMostBody) std::abort();
  const std::string text = absl::StrCat(body->size());
  co_await exchange.Answer(warren::HttpStatus::ok, "text/plain", text);
}

struct Server {
  Server() {
    auto started = warren::HttpServer::Start(SayLength, memory, 1, nullptr);
    if (!started.ok()) std::abort();
    http = *std::move(started);
  }
  warren::MemoryBudget memory{int64_t{1} << 30};
  std::unique_ptr<warren::HttpServer> http;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto& server = *new Server();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  const warren::UniqueFd client(ends[0]);
  const timeval limit{kGiveUpSeconds, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  server.http->AddConnection(warren::UniqueFd(ends[1]), warren::Security::kPlain);
  // A part that the server has not asked for is not taken, where it has closed.
  if (size > 0) (void)!::send(client.get(), data, size, MSG_NOSIGNAL);
  ::shutdown(client.get(), SHUT_WR);
  char bytes[4096];
  ssize_t count = 0;
  while ((count = ::recv(client.get(), bytes, sizeof(bytes), 0)) > 0) {
  }
  if (count < 0 && errno == EAGAIN) std::abort();
  return 0;
}
