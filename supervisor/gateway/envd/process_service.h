#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_SERVICE_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "warren/e2b/process.pb.h"

namespace warren {

// envd's service process.Process: commands and terminals of a sandbox, by E2B's names for them.
// What E2B calls by its pid has an id here; the sandbox's list has both, so nothing is kept.
//
// Its tags are taken and not kept: no SDK asks by one.
//
// Thread-safe; the door outlives it.
class EnvdProcesses {
 public:
  // `pace`: by how much the host is slower than one of pace 1.
  EnvdProcesses(const SandboxDoor& door, double pace) : door_(door), pace_(pace) {}

  // POST /process.Process/METHOD.
  Async<void> Serve(Exchange& exchange, const std::string& sandbox_id, absl::string_view method);

 private:
  using Handle = std::shared_ptr<SandboxHandle>;

  // Streams.
  Async<void> ServeStart(Exchange& exchange, Handle sandbox);
  Async<void> ServeConnect(Exchange& exchange, Handle sandbox);
  Async<void> ServeStreamInput(Exchange& exchange, Handle sandbox);
  Async<void> Start(Exchange& exchange, Handle sandbox, e2b::StartRequest request,
                    ConnectStream& stream);
  Async<void> Connect(Exchange& exchange, Handle sandbox, e2b::ConnectRequest request,
                      ConnectStream& stream);

  // How long a client may hear nothing, as it said.
  SteadyTime::duration KeepaliveOf(const Exchange& exchange) const;

  const SandboxDoor& door_;
  const double pace_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_SERVICE_H_
