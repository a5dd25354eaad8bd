#ifndef WARREN_SUPERVISOR_PACKAGES_BUILDER_H_
#define WARREN_SUPERVISOR_PACKAGES_BUILDER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/packages/builder_word.h"
#include "supervisor/pool/pool.h"
#include "supervisor/session/process.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_host.h"
#include "warren/v1/common.pb.h"

namespace warren {

// One task of Warren's builder (runtime/builder) in a sandbox of its own, which is made for it and
// ends with it. Nobody else can reach that sandbox: it is leased to no client. Its network is the
// package index alone.
//
// IO thread only. Lifecycle: Start → words → the end, which is told once; then its sandbox is gone
// or going. It keeps itself until then.
class Builder final : public SandboxHandle::ProcessSink,
                      public std::enable_shared_from_this<Builder> {
 public:
  struct Task {
    std::string template_id;
    warren::v1::Limits limits;
    // The template's Python.
    std::string python;
    // "resolve" or "unpack", and its job as JSON.
    std::string name;
    std::string job;
    // On a host of pace 1.
    std::chrono::seconds patience{0};
  };
  // Comes from tasks of the loop's. `on_end`: OK after its last word; UNAVAILABLE, no sandbox could
  // be made; RESOURCE_EXHAUSTED, the sandbox's limits, or its time; INTERNAL, it broke off.
  struct Listener {
    std::function<void(BuilderWord word)> on_word;
    std::function<void(absl::Status status)> on_end;
  };

  // Both outlive it.
  Builder(SandboxHost& host, Pool& pool) : host_(host), pool_(pool) {}

  void Start(Task task, Listener listener);
  // Nobody wants it any more: its end is told as CANCELLED.
  void Cancel() { Finish(absl::CancelledError("it was given up")); }
  // Between BuilderListens and the end.
  void ConnectPort(uint16_t port, Reply<std::unique_ptr<PortConnection>> reply);

  // ---- ProcessSink
  Flow Push(warren::v1::ProcessEvent event) override;
  void End(absl::Status status) override;

 private:
  void OnMade(absl::StatusOr<Pool::Made> made);
  void OnNetwork(absl::Status status);
  void TakeOutput(absl::string_view data);
  void TakeLine(absl::string_view line);
  void OnExit(const warren::v1::Termination& termination);
  void Finish(absl::Status status);

  SandboxHost& host_;
  Pool& pool_;
  Task task_;
  Listener listener_;
  bool ended_ = false;
  Pool::Ticket ticket_;
  std::shared_ptr<Sandbox> sandbox_;
  const std::shared_ptr<ProcessClient> client_ = std::make_shared<ProcessClient>();
  // What has come of a line, and the end of what it wrote to standard error.
  std::string line_;
  std::string errors_;
  std::optional<warren::v1::Termination> termination_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_BUILDER_H_
