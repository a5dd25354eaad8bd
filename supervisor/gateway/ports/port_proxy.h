#ifndef WARREN_SUPERVISOR_GATEWAY_PORTS_PORT_PROXY_H_
#define WARREN_SUPERVISOR_GATEWAY_PORTS_PORT_PROXY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/ports/upstream.h"

namespace warren {

// What E2B's getHost(port) names: HTTP, and what upgrades from it, to a program that listens in a
// sandbox. Requests are parsed and written anew, so what passes is one request for each that was
// asked. Where the sandbox's ports are private, E2B-Traffic-Access-Token must be shown; no header
// of Warren's own reaches the program.
//
// Thread-safe; the door outlives it.
class PortProxy {
 public:
  explicit PortProxy(const SandboxDoor& door) : door_(door) {}
  Async<void> Serve(Exchange& exchange, std::string sandbox_id, uint32_t port);

 private:
  Async<std::shared_ptr<Upstream>> Connect(Exchange& exchange, const OpenedSandbox& opened,
                                           uint32_t port);
  static Async<void> SendRequest(Exchange& exchange, Upstream& upstream, const std::string& head);
  static Async<void> PassAnswer(Exchange& exchange, Upstream& upstream);

  const SandboxDoor& door_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_PORTS_PORT_PROXY_H_
