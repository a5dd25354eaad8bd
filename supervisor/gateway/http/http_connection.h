#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_CONNECTION_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_CONNECTION_H_

#include <functional>
#include <memory>

#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/client_link.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// Answers one request. What it throws ends the connection.
using HttpHandler = std::function<Async<void>(Exchange&)>;

// What is refused before a handler hears of it: as HTTP says, with a line of text.
struct HttpRefusal {
  HttpStatus status = HttpStatus::ok;
  std::string why;
};

// The requests of one client, one after the other.
//
// Everything that two readers of one connection might understand differently is refused, and the
// connection with it: no request is smuggled past whoever stands in front.
class HttpConnection {
 public:
  // All outlive it.
  HttpConnection(ClientLink& link, const HttpHandler& handler, MemoryBudget& memory)
      : link_(link), handler_(handler), memory_(memory) {}

  // To the connection's end. `stopping` is looked at between two requests.
  Async<void> Serve(const std::atomic<bool>& stopping);

 private:
  enum class Headers { kRead, kRefused, kGone };
  Async<Headers> ReadHeaders(Exchange::Parser& parser, HttpRefusal& refusal);
  // True: another request may follow.
  Async<bool> ServeOne();
  Async<void> Refuse(const HttpRefusal& refusal);
  // Until the client has seen the answer, and gone, within bounds.
  Async<void> Linger();

  ClientLink& link_;
  const HttpHandler& handler_;
  MemoryBudget& memory_;
  // A request came.
  bool served_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_HTTP_CONNECTION_H_
