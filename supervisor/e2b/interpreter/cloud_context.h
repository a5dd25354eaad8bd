#ifndef WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CONTEXT_H_
#define WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CONTEXT_H_

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "supervisor/e2b/interpreter/cloud_cell.h"
#include "supervisor/session/execution_runner.h"

namespace warren {

// One context of a sandbox's, as far as it is known here: its cells, which run one at a time in the
// order of their arrival. What waits, waits here, so that a cell's time does not begin with the
// wait, and an interrupt is for the cell that runs.
//
// Of the loop's thread, but for Resume, Cancel and OnStop.
class CloudContext final : public CloudRunner, public std::enable_shared_from_this<CloudContext> {
 public:
  static constexpr size_t kMaxWaiting = 64;

  struct Spec {
    // As the cloud has it; empty for the default one.
    std::string id;
    // Over that of the sandbox. The cloud's contexts have none of their own: it goes with each
    // cell.
    std::map<std::string, std::string> env;
  };
  CloudContext(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, Spec spec)
      : cloud_(std::move(cloud)), sandbox_(std::move(sandbox)), spec_(std::move(spec)) {}
  ~CloudContext() override;

  // RESOURCE_EXHAUSTED: too many wait.
  absl::Status Execute(std::shared_ptr<Execution> execution);
  // FAILED_PRECONDITION: nothing runs.
  absl::Status Interrupt();
  // What runs and what waits ends.
  void End(StopReason why) override;
  bool Has(const std::string& execution_id) const;
  int32_t execution_count() const { return execution_count_; }

  void Resume(std::shared_ptr<Execution> execution) override;
  void Cancel(std::shared_ptr<Execution> execution) override;
  void OnStop() override;

 private:
  void StartNext();
  void CancelNow(const Execution& execution);
  void FailWaiting(const absl::Status& status);

  const std::shared_ptr<Cloud> cloud_;
  const CloudSandboxRef sandbox_;
  const Spec spec_;
  std::deque<std::shared_ptr<Execution>> waiting_;
  std::shared_ptr<CloudCell> running_;
  int32_t execution_count_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CONTEXT_H_
