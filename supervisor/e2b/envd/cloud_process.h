#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_PROCESS_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_PROCESS_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/envd_state.h"
#include "supervisor/e2b/envd/envd_stream.h"
#include "supervisor/session/termination.h"
#include "warren/e2b/process.pb.h"

namespace warren {

// One client's stream of a process in the cloud: the one that has started it, or one that connects.
// The process is the cloud's, and goes on without any of them.
//
// Of the loop's thread. Kept by its stream, and by what it waits for. Lifecycle: Start or Connect →
// the sink's End, or Detach.
class CloudProcess final : public EnvdStreamListener,
                           public std::enable_shared_from_this<CloudProcess> {
 public:
  using ProcessSink = SandboxHandle::ProcessSink;
  CloudProcess(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox,
               std::shared_ptr<ProcessSink> sink);
  ~CloudProcess() override;

  // `request` is valid.
  void Start(v1::StartProcessRequest request);
  void Connect(uint32_t pid, v1::OnDisconnect on_disconnect);

  void Resume();
  // Its client goes.
  void Cancel();
  void Detach();

  absl::StatusOr<Flow> OnMessage(absl::string_view json) override;
  void OnStreamEnd(EnvdStreamEnd end) override;

 private:
  void Send(const google::protobuf::Message& message, const char* path, const std::string& user);
  void Follow(const ProcessRequests::First& first);
  Flow OnStarted(uint32_t pid);
  Flow OnOutput(e2b::ProcessEvent::DataEvent data);
  // So that it ends for that reason.
  void Kill(StopReason why);
  void SendKill(std::chrono::seconds next);
  void LeaveStream();
  void AwaitStart();
  void StopStream();
  void ArmGuard();
  void OnNotStarted(EnvdStreamEnd end);
  void OnLost(absl::Status status);
  void Exit(const e2b::ProcessEvent::EndEvent& end);
  Flow Push(v1::ProcessEvent event);
  void End(absl::Status status);
  void Leave();

  const std::shared_ptr<Cloud> cloud_;
  const CloudSandboxRef sandbox_;
  // Null at its end.
  std::shared_ptr<ProcessSink> sink_;
  // It holds this.
  std::weak_ptr<EnvdStream> stream_;
  SandboxUse use_;
  MonotonicTime started_at_;
  // Zero: none.
  std::chrono::milliseconds timeout_{0};
  TimerId guard_ = 0;
  TimerId unseen_ = 0;
  v1::OnDisconnect on_disconnect_ = v1::ON_DISCONNECT_CONTINUE;
  // Of a start; empty for none.
  std::string request_id_;
  // It is this that has started it, with or without a terminal.
  bool starts_ = false;
  bool terminal_ = false;
  int64_t max_output_bytes_ = 0;
  int64_t output_bytes_ = 0;
  uint32_t pid_ = 0;
  StopReason stop_ = StopReason::kNone;
  bool killing_ = false;
  std::optional<e2b::ProcessEvent::EndEvent> exited_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_PROCESS_H_
