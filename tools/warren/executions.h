#ifndef WARREN_TOOLS_WARREN_EXECUTIONS_H_
#define WARREN_TOOLS_WARREN_EXECUTIONS_H_

#include <functional>

#include "absl/time/time.h"
#include "tools/warren/client.h"
#include "tools/warren/interrupts.h"

// Runs of code, followed to their end. OK means that the last event was Finished; an interrupt
// cancels the call.
namespace warren {

// What a cell may take beyond its own timeout: waiting for its turn, the grace period, its last
// output.
inline constexpr absl::Duration kRunSlack = absl::Seconds(300);

// Takes each event as it comes; false cancels the call.
using EventHandler = std::function<bool(const v1::ExecutionEvent&)>;

// `bound` is how long the call may last; infinite for a sandbox that others may pause meanwhile.
grpc::Status ExecuteCode(Client& client, const v1::ExecuteCodeRequest& request,
                         absl::Duration bound, Interrupts& interrupts,
                         const EventHandler& on_event);
grpc::Status RunScript(Client& client, const v1::RunScriptRequest& request, Interrupts& interrupts,
                       const EventHandler& on_event);
grpc::Status ConnectExecution(Client& client, const v1::ConnectExecutionRequest& request,
                              Interrupts& interrupts, const EventHandler& on_event);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_EXECUTIONS_H_
