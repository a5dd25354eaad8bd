#ifndef WARREN_SUPERVISOR_SESSION_DISK_USE_H_
#define WARREN_SUPERVISOR_SESSION_DISK_USE_H_

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "supervisor/session/agent_link.h"
#include "supervisor/session/sandbox.h"

namespace warren {

// Asks a sandbox's agent how much of the writable layer is in use, for Sandbox::ReadMetrics. Starts
// no agent, is no use of the sandbox, and does not wait for one that is paused or does not answer:
// then what was told last stands. One question at a time: who asks while one is under way joins it.
// IO thread.
class DiskUse final : public AgentStreamListener, public std::enable_shared_from_this<DiskUse> {
 public:
  // Who asks for metrics waits so long for an agent that is slow (docs/TIMING.md).
  static constexpr std::chrono::seconds kDiskUseTimeout{1};
  using Done = absl::AnyInvocable<void()>;

  // `done` runs once, perhaps from within.
  static void Ask(SandboxHost& host, std::shared_ptr<Sandbox> sandbox, Done done);

  DiskUse(SandboxHost& host, std::shared_ptr<Sandbox> sandbox)
      : host_(host), sandbox_(std::move(sandbox)) {}

  // ---- AgentStreamListener. What an agent says that it was not asked for is dropped.
  void OnData(internal::StreamData&) override {}
  void OnEntry(internal::StreamEntry&) override {}
  void OnWatchEvent(internal::StreamWatchEvent&) override {}
  void OnCredit(uint32_t) override {}
  void OnEnd(internal::StreamEnd& end) override;
  void OnAgentGone(const absl::Status&) override { AnswerAll(); }

 private:
  void Join(Done done);
  void AnswerAll();

  SandboxHost& host_;
  const std::shared_ptr<Sandbox> sandbox_;
  std::vector<Done> waiting_;
  // They were; the agent may still answer.
  bool answered_ = false;
  TimerId timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_DISK_USE_H_
