#ifndef WARREN_SUPERVISOR_E2B_COMMANDS_COMMAND_RUN_H_
#define WARREN_SUPERVISOR_E2B_COMMANDS_COMMAND_RUN_H_

#include <functional>
#include <memory>
#include <string>

#include "runtime/loop/timer_queue.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"

namespace warren {

// What a command came to.
struct CommandResult {
  v1::Termination termination;
  std::string out;
  // The newest of it.
  std::string err;
};

// Runs a command of Warren's own in a sandbox: gives it its input, and collects what it says. More
// than its bound ends it, as OUTPUT_LIMIT. Its client's cancel kills it.
class CommandRun final : public SandboxHandle::ProcessSink,
                         public std::enable_shared_from_this<CommandRun> {
 public:
  static constexpr size_t kMaxOut = 8 << 20;
  static constexpr size_t kMaxErr = 64 << 10;
  using Post = std::function<void(Task)>;

  // `post` runs what a sink must not call from within its own call.
  // What it says is charged to `memory`, which outlives it.
  CommandRun(std::shared_ptr<SandboxHandle> sandbox, Post post, MemoryBudget& memory,
             std::string input, Reply<CommandResult> reply)
      : sandbox_(std::move(sandbox)),
        post_(std::move(post)),
        input_(std::move(input)),
        reply_(std::move(reply)),
        charge_(&memory) {}

  // Its input comes from here: the request says nothing of that, nor of what its client's going
  // does.
  std::unique_ptr<Operation> Start(v1::StartProcessRequest request);

  Flow Push(v1::ProcessEvent event) override;
  void End(absl::Status status) override;

 private:
  void GiveInput(const std::string& process_id);

  const std::shared_ptr<SandboxHandle> sandbox_;
  const Post post_;
  std::string input_;
  Reply<CommandResult> reply_;
  CommandResult result_;
  MemoryCharge charge_;
  bool exited_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_COMMANDS_COMMAND_RUN_H_
