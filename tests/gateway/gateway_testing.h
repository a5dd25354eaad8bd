#ifndef WARREN_TESTS_GATEWAY_GATEWAY_TESTING_H_
#define WARREN_TESTS_GATEWAY_GATEWAY_TESTING_H_

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/http/http_server.h"

namespace warren {

// An answer as a client sees it.
struct HttpAnswer {
  // 0: the connection ended before there was a whole head.
  unsigned status = 0;
  // Names in lower case.
  std::map<std::string, std::string> headers;
  // Without the chunks' framing.
  std::string body;
  // The body came to its end; false: the connection was cut.
  bool whole = false;
};

// A client's connection to an HttpServer: a socket pair, so that no port is needed. Blocking; reads
// give up after 20 s, so that no test hangs.
class TestClient {
 public:
  explicit TestClient(HttpServer& server);

  // Raw bytes.
  void Send(absl::string_view bytes);
  // What comes next; empty: the end.
  std::string Receive();
  // The next answer on the connection.
  HttpAnswer ReadAnswer();
  // Sends a request with Host, Content-Length and these headers, and reads its answer.
  HttpAnswer Ask(absl::string_view method, absl::string_view target,
                 const std::map<std::string, std::string>& headers = {},
                 absl::string_view body = "");
  // The same without waiting.
  void SendRequest(absl::string_view method, absl::string_view target,
                   const std::map<std::string, std::string>& headers = {},
                   absl::string_view body = "");
  void Close() { socket_.reset(); }

 private:
  UniqueFd socket_;
  std::string ahead_;
};

// The text as one gzip stream.
std::string Pack(absl::string_view plain);

// A server with one handler.
class TestServer {
 public:
  explicit TestServer(HttpHandler handler, double pace = 1);
  ~TestServer();
  HttpServer& operator*() { return *server_; }
  MemoryBudget& memory() { return memory_; }

 private:
  MemoryBudget memory_{int64_t{64} << 20};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace warren

#endif  // WARREN_TESTS_GATEWAY_GATEWAY_TESTING_H_
