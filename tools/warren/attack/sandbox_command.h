#ifndef WARREN_TOOLS_WARREN_ATTACK_SANDBOX_COMMAND_H_
#define WARREN_TOOLS_WARREN_ATTACK_SANDBOX_COMMAND_H_

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "tools/warren/client.h"
#include "tools/warren/interrupts.h"
#include "warren/v1/process.pb.h"

namespace warren::attack {

// What a command of a sandbox said, on both of its streams, and how it ended.
struct CommandResult {
  // OK: it ran to its end, whatever that was.
  grpc::Status status;
  std::string output;
  v1::Termination end;
};

// Runs a command through the sandbox's agent, which this starts where none runs, and follows it to
// its end. `on_started` is called once it runs, on this thread; its output waits meanwhile.
CommandResult RunCommand(Client& client, const v1::StartProcessRequest& request,
                         absl::Duration bound, Interrupts& interrupts,
                         const std::function<void(const v1::ProcessEvent::Started&)>& on_started);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_SANDBOX_COMMAND_H_
