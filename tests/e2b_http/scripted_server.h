#ifndef WARREN_TESTS_E2B_HTTP_SCRIPTED_SERVER_H_
#define WARREN_TESTS_E2B_HTTP_SCRIPTED_SERVER_H_

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"
#include "tests/e2b_http/certificates.h"
#include "tests/e2b_http/scripted_exchange.h"
#include "tests/support/held_port.h"

namespace warren::testing {

// A server of HTTP/1.1 on loopback that does what its scripts say, and keeps what it was asked. A
// thread for each connection, which is kept until a script or the other side ends it.
//
//   ScriptedServer server;
//   server.Answer("GET", "/health", {.status = 204});
//   server.On("POST", "/execute", [&](ScriptedExchange& exchange) {
//     exchange.StartChunks({});
//     exchange.SendChunk("first");
//     if (exchange.WaitFor(gate)) exchange.EndChunks();
//   });
//
// Its destruction ends what goes on. Every call is for any thread.
class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedExchange&)>;

  struct Tls {
    Identity identity;
    // Clients need a certificate of this one's; empty: they need none.
    std::string client_authority = {};
  };

  ScriptedServer() : ScriptedServer(nullptr) {}
  explicit ScriptedServer(const Tls& tls) : ScriptedServer(&tls) {}
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  // What a request of this method for this path, with whatever query, is answered: by the last
  // script that was given for it. Where there is none it is a 404.
  void On(const std::string& method, const std::string& path, Script script);
  void Answer(const std::string& method, const std::string& path, ScriptedAnswer answer);
  // One after the other, the last again and again.
  void Answers(const std::string& method, const std::string& path,
               std::vector<ScriptedAnswer> answers);
  // For what nothing else is there.
  void OnOther(Script script);
  // Instead of HTTP, for each connection.
  void OnConnection(std::function<void(ScriptedConnection&)> script);

  // In the order in which their heads came; empty: of all paths.
  std::vector<ScriptedRequest> requests(const std::string& path = "");
  // Accepted ever, open now, and the most that were open at once.
  size_t connections();
  size_t open_connections();
  size_t most_connections();

  uint16_t port() const { return port_.port(); }
  // "http://127.0.0.1:1234" and the path.
  std::string Url(const std::string& path) const;

 private:
  explicit ScriptedServer(const Tls* tls);
  void Accept();
  void Serve(UniqueFd socket, size_t number);
  void ServeHttp(ScriptedConnection& connection);
  Script ScriptFor(const ScriptedRequest& request);
  // Where it is among them.
  size_t Keep(const ScriptedRequest& request);

  struct FreeContext {
    void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, FreeContext> tls_;
  HeldPort port_;
  std::atomic<bool> stopping_{false};

  Mutex mu_;
  std::map<std::pair<std::string, std::string>, Script> scripts_ ABSL_GUARDED_BY(mu_);
  Script other_ ABSL_GUARDED_BY(mu_);
  std::function<void(ScriptedConnection&)> on_connection_ ABSL_GUARDED_BY(mu_);
  std::vector<ScriptedRequest> requests_ ABSL_GUARDED_BY(mu_);
  std::map<size_t, int> open_ ABSL_GUARDED_BY(mu_);
  size_t connections_ ABSL_GUARDED_BY(mu_) = 0;
  size_t most_ ABSL_GUARDED_BY(mu_) = 0;

  // Of the accepting thread, until it has ended.
  std::list<std::thread> serving_;
  std::thread accepting_;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_SCRIPTED_SERVER_H_
