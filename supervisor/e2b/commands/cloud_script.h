#ifndef WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_SCRIPT_H_
#define WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_SCRIPT_H_

#include <memory>
#include <string>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/execution_runner.h"

namespace warren {

// One script on its way in the cloud: its file, the process that runs it, and the way of what that
// says into its execution, as Script is here.
//
// Of the loop's thread, but for the runner's calls. Lifecycle: constructor → Start → the end of its
// execution; until then it keeps itself.
class CloudScript final : public ExecutionRunner,
                          public SandboxHandle::ProcessSink,
                          public std::enable_shared_from_this<CloudScript> {
 public:
  // `request` is valid (ValidateRunScript).
  CloudScript(std::shared_ptr<Cloud> cloud, std::shared_ptr<SandboxHandle> sandbox,
              v1::RunScriptRequest request, std::shared_ptr<Execution> execution);
  ~CloudScript() override;

  void Start();

  // ---- ExecutionRunner
  void Resume(std::shared_ptr<Execution> execution) override;
  void Cancel(std::shared_ptr<Execution> execution) override;

  // ---- ProcessSink
  Flow Push(v1::ProcessEvent event) override;
  void End(absl::Status status) override;

 private:
  void WriteSource();
  void FindFile();
  void StartProcess();
  void GiveInput(const std::string& process_id);
  // By the loop's next turn.
  void GoOn(Task next);
  void OnProcessEnd();
  // Removes its directory, and then says its end.
  void CleanUp();
  void Finish();
  void Fail(absl::Status status);

  const std::shared_ptr<Cloud> cloud_;
  const std::shared_ptr<SandboxHandle> sandbox_;
  v1::RunScriptRequest request_;
  const std::shared_ptr<Execution> execution_;
  // Of a source; empty for a file of the sandbox's.
  std::string directory_;
  std::unique_ptr<Upload> upload_;
  std::unique_ptr<Operation> process_;
  absl::Status status_;
  v1::ExecutionEvent finished_;
  // kUnknown from the request for its process on.
  enum class Ran { kNo, kUnknown };
  Ran ran_ = Ran::kNo;
  bool process_started_ = false;
  bool cancelled_ = false;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_SCRIPT_H_
