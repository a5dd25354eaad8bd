#ifndef WARREN_SUPERVISOR_SESSION_SCRIPT_H_
#define WARREN_SUPERVISOR_SESSION_SCRIPT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/execution_runner.h"
#include "supervisor/session/file_call.h"
#include "supervisor/session/file_user.h"
#include "supervisor/session/process.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_host.h"
#include "warren/v1/execution.pb.h"
#include "warren/v1/process.pb.h"

namespace warren {

// One script on its way: its file, the process that runs it, and the way of what that says into its
// execution. Of the process it is a client that never leaves; who reads the execution may.
//
// Lifecycle: constructor → Start → the end of its execution, which comes in any case; until then it
// keeps itself. Start is for any thread, as the runner's functions are; the rest is the IO
// thread's.
class Script final : public ExecutionRunner,
                     public SandboxHandle::ProcessSink,
                     public std::enable_shared_from_this<Script> {
 public:
  struct Spec {
    // Valid (ValidateRunScript), and with a bound on its output.
    warren::v1::RunScriptRequest request;
    // Who its user is by number.
    FileUser user;
    // The program, which takes the script's path and arguments behind its own.
    std::vector<std::string> interpreter;
    // For the request.
    MemoryCharge charge;
  };
  // `host` and `detached` outlive it.
  Script(SandboxHost& host, DetachedExecutions& detached, std::shared_ptr<Sandbox> sandbox,
         Spec spec, std::shared_ptr<Execution> execution);

  // How long its end waits for the removal of what it left: milliseconds, but what goes on making
  // files there keeps it from ending. On a host of pace 1 (docs/TIMING.md).
  static constexpr std::chrono::seconds kRemovalPatience{5};

  void Start();

  // ---- ExecutionRunner
  void Resume(std::shared_ptr<Execution> execution) override;
  void Cancel(std::shared_ptr<Execution> execution) override;

  // ---- ProcessSink
  Flow Push(warren::v1::ProcessEvent event) override;
  void End(absl::Status status) override;

 private:
  void Begin();
  void WriteSource();
  // That it is there, and may be read, is known before anything is started.
  void LookAtPath();
  void OnFile(absl::Status status);
  void StartProcess();
  Flow OnStarted(const warren::v1::ProcessEvent& event);
  void CancelNow();
  // What is of it in the sandbox is removed; then its execution ends.
  void Conclude(absl::Status status);
  void Finish();
  internal::FileCall CallAsUser() const;

  SandboxHost& host_;
  DetachedExecutions& detached_;
  const std::shared_ptr<Sandbox> sandbox_;
  Spec spec_;
  const FileUser user_;
  const std::shared_ptr<Execution> execution_;
  const std::shared_ptr<ProcessClient> client_ = std::make_shared<ProcessClient>();
  // The call for its file that goes on before its process is there.
  std::shared_ptr<FileCall> file_;
  // Of its source, and nothing else; empty where it has none.
  std::string directory_;
  bool cancelled_ = false;
  bool concluding_ = false;
  bool finished_ = false;
  TimerId patience_ = 0;
  // How it ended, once it has; without one it did not start, and this is why.
  std::optional<warren::v1::ProcessEvent::Exited> exited_;
  absl::Status end_status_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SCRIPT_H_
