#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_SERVER_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_SERVER_H_

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/base/security.h"
#include "supervisor/gateway/http/http_connection.h"

namespace warren {

// HTTP/1.1 on connections that are accepted elsewhere, on a few threads of its own.
//
// Thread-safe. Lifecycle: Start → AddConnection* → Shutdown, and then no handler is at work any
// more.
class HttpServer {
 public:
  // Whatever the number of clients: a request is short work between two waits.
  static constexpr int kThreads = 2;

  // `memory` outlives it; bodies that are held whole are charged to it. Without a certificate,
  // null, there is no Security::kTls. With `crowd` connections open, for each that comes the one is
  // closed that has waited longest for its next request, if there is one.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpHandler handler,
                                                           MemoryBudget& memory, double pace,
                                                           const TlsCertificate* certificate,
                                                           size_t crowd = SIZE_MAX);
  ~HttpServer();

  void AddConnection(UniqueFd connection, Security security);
  // Requests that are being answered.
  bool busy() const { return busy_.load() > 0; }
  // Connections that wait for their next request, and for nothing else.
  size_t idle();
  // Requests go on for `grace`; then, and idle ones at once, connections are cut.
  void Shutdown(absl::Duration grace);

 private:
  HttpServer(HttpHandler handler, MemoryBudget& memory, double pace, size_t crowd);
  absl::Status UseCertificate(const TlsCertificate& certificate);
  Async<void> Serve(std::shared_ptr<ClientLink> link);
  Async<void> Handle(Exchange& exchange);
  class Entry;
  void Remove(const ClientLink* link);
  // With mu_.
  void CloseLongestIdle();
  // Cuts those that are open, and waits until they have ended.
  void CutAll();

  const HttpHandler handler_;
  const HttpHandler counted_;
  MemoryBudget& memory_;
  const double pace_;
  const size_t crowd_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::io_context io_{kThreads};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> busy_{0};

  // A condition waits with it.
  std::mutex mu_;
  std::condition_variable closed_;
  std::unordered_map<const ClientLink*, std::shared_ptr<ClientLink>> links_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_SERVER_H_
