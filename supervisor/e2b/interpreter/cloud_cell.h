#ifndef WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CELL_H_
#define WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CELL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/interpreter/cell_line.h"
#include "supervisor/e2b/interpreter/line_splitter.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/termination.h"

namespace warren {

// One cell that runs in the cloud: its request, and what comes of it on the way into its execution.
// It is sent once. Where its stream breaks, whether it ran is not known, and its client is told
// that.
//
// Of the loop's thread. Lifecycle: constructor → Start → the end of its execution, of which
// `on_end` tells, and after which it does nothing more.
class CloudCell final : public HttpSink, public std::enable_shared_from_this<CloudCell> {
 public:
  struct Spec {
    // Empty: the default one.
    std::string context_id;
    // Of its context, under its own.
    std::map<std::string, std::string> env;
    int64_t max_output_bytes = 0;
  };
  CloudCell(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, Spec spec,
            std::shared_ptr<Execution> execution, std::function<void()> on_end);
  ~CloudCell() override;

  void Start();
  // The client has room again.
  void Resume();
  // Ends it: the cloud interrupts what runs when the connection goes.
  void Stop(StopReason why);
  // The backend goes.
  void OnStop();
  // As Ctrl-C does.
  void Interrupt();
  const Execution& execution() const { return *execution_; }
  // How often its context has run a cell; 0 where the cloud has not told.
  int32_t execution_count() const { return execution_count_; }

  void OnHead(const HttpHead& head) override;
  Flow OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status, bool sent) override;

 private:
  // Of the cell's own time.
  MonotonicTime Deadline() const;
  void Send();
  void TellStarted();
  absl::Status OnLine(absl::string_view line);
  v1::Termination EndOfCell() const;
  void OnOutput(CellOutput output);
  void OnDisplay(v1::ExecutionEvent event);
  // The answer was no stream of lines.
  void OnRefused();
  void Finish(v1::Termination termination);
  void Fail(absl::Status status);
  // Fails, once it is known whether its sandbox is still there.
  void Lose(absl::Status status);
  void Leave();

  const std::shared_ptr<Cloud> cloud_;
  const CloudSandboxRef sandbox_;
  const Spec spec_;
  const std::shared_ptr<Execution> execution_;
  std::function<void()> on_end_;
  const MonotonicTime started_at_;
  std::unique_ptr<HttpCall> call_;
  TimerId timer_ = 0;
  HttpHead head_;
  // Of an answer that refuses.
  std::string refusal_;
  LineSplitter lines_;
  Flow flow_ = Flow::kContinue;
  int attempts_ = 0;
  int32_t execution_count_ = 0;
  int64_t output_bytes_ = 0;
  bool started_ = false;
  bool raised_ = false;
  bool context_gone_ = false;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_INTERPRETER_CLOUD_CELL_H_
