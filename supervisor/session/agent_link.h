#ifndef WARREN_SUPERVISOR_SESSION_AGENT_LINK_H_
#define WARREN_SUPERVISOR_SESSION_AGENT_LINK_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/agent_stream.h"
#include "runtime/control/frame.h"
#include "runtime/control/frame_writer.h"
#include "runtime/control/launcher_client.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/agent_command_listener.h"
#include "supervisor/session/root_commands.h"
#include "supervisor/session/sandbox_host.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Hears what the agent says on one stream, within its credit: what comes, and at last, once,
// OnEnd or OnAgentGone. IO thread. It may call the link from within.
class AgentStreamListener {
 public:
  virtual ~AgentStreamListener() = default;
  // Its bytes may be moved out.
  virtual void OnData(internal::StreamData& data) = 0;
  virtual void OnEntry(internal::StreamEntry& entry) = 0;
  virtual void OnWatchEvent(internal::StreamWatchEvent& event) = 0;
  // So many bytes more may be sent.
  virtual void OnCredit(uint32_t bytes) = 0;
  virtual void OnEnd(internal::StreamEnd& end) = 0;
  virtual void OnAgentGone(const absl::Status& why) = 0;
};

// The supervisor's end of a sandbox's agent: starts it when it is first used, and again when it is
// used after its end; sends what is to be done, and passes on what it says. What it says is
// hostile: bounded and checked here, and one that breaks the protocol is killed, with its commands.
//
// IO thread only. Nothing that it calls is called from within Send and its kind.
// Lifecycle: constructor → Use* → OnSandboxEnds. Its watch keeps it while an agent is there.
class AgentLink final : public std::enable_shared_from_this<AgentLink> {
 public:
  // What waits for the agent to read it. Who has sent it too much is refused.
  static constexpr size_t kMaxUnsent = 8 << 20;
  // On top of that, for credit and cancels: who is refused data can still give up.
  static constexpr size_t kControlReserve = 1 << 20;
  static constexpr size_t kMaxStreams = kMaxAgentStreams;
  // Agents that may be started in kStartsWithin: one that dies at once is not started again and
  // again. Fixed: it bounds a loop (docs/TIMING.md).
  static constexpr size_t kMaxStarts = 8;
  static constexpr std::chrono::seconds kStartsWithin{60};
  // The supervisor's, of an agent.
  static constexpr int kDescriptors = 2;

  using UpCallback = absl::AnyInvocable<void(absl::Status)>;

  // `host` outlives it.
  AgentLink(SandboxHost& host, std::string sandbox_id)
      : host_(host),
        sandbox_id_(std::move(sandbox_id)),
        unsent_charge_(&host.memory),
        root_(*this, host, sandbox_id_) {}

  // `on_up` runs once: with OK when an agent is there, perhaps from within, or with why there is
  // none: FAILED_PRECONDITION, the sandbox is ending; RESOURCE_EXHAUSTED, no descriptors;
  // UNAVAILABLE, it cannot be started or ends again and again.
  void Use(UpCallback on_up);

  // For all of these: UNAVAILABLE, no agent is there; RESOURCE_EXHAUSTED, too much waits for it
  // already. Then nothing was sent, and no listener is kept.
  absl::Status Send(const internal::AgentRequest& request);
  // Of a write, within its credit: at most kStreamPiece.
  absl::Status SendData(uint64_t stream_id, absl::string_view data, bool last);
  // `listener` hears what comes of it.
  absl::Status StartCommand(internal::StartCommand command,
                            std::shared_ptr<AgentCommandListener> listener);
  // The stream's id, which is set in `call`. `listener` is kept until it was told the end.
  absl::StatusOr<uint64_t> OpenStream(internal::FileCall call,
                                      std::shared_ptr<AgentStreamListener> listener);

  // What the listener has taken of the data, entries (by their serialized size) and watch events:
  // the agent may send as much again. Nothing happens where the stream has ended, as with
  // CancelStream.
  void GiveCredit(uint64_t stream_id, uint32_t bytes);
  void CancelStream(uint64_t stream_id);

  // ---- For its sandbox
  // Nothing where it is neither the agent's nor that of a command as root.
  void OnProcessExited(uint64_t process_id);
  // No agent is started any more, and one that is there is lost.
  void OnSandboxEnds();

  // It breaks its word: it is killed, with its commands, after what is under way.
  void GiveUp(const char* why) {
    if (state_ == State::kUp) PostLose(why);
  }

  bool up() const { return state_ == State::kUp; }

 private:
  enum class State {
    kDown,
    // The launcher was asked for one.
    kStarting,
    kUp,
    // It was lost, and the launcher has not told of its end.
    kEnding,
    // So does the sandbox.
    kGone,
  };
  struct Stream {
    std::shared_ptr<AgentStreamListener> listener;
    int64_t credit;
    // Bytes that it was sent, and has not given credit for.
    int64_t untaken = 0;
  };

  void Start();
  absl::Status AdmitStart();
  void OnReply(absl::StatusOr<LauncherMessage> reply);
  absl::Status Take(LauncherMessage message);
  void AnswerWaiters(const absl::Status& status);
  void OnReadable();
  // False when there is nothing more to read.
  bool ReadOnce();
  absl::Status OnEvent(absl::string_view frame);
  absl::Status OnCommandEvent(uint64_t process_id);
  absl::Status OnStreamEvent();
  absl::StatusOr<Stream*> Charge(uint64_t stream_id, size_t bytes);
  // Charges them until Settle counts what is there.
  absl::Status Admit(size_t bytes);
  absl::Status Append(const internal::AgentRequest& request);
  // What no stream goes on without: where it does not fit, the agent is lost.
  void SendControl(const internal::AgentRequest& request);
  // Counts what is unsent, and waits for room for it.
  void Settle(const absl::Status& written);
  void WatchWritable();
  void PostLose(const char* why);
  // The agent is of no more use; it is killed, unless that is what happened to it.
  void Lose(const char* why);
  void Close(const absl::Status& why);

  SandboxHost& host_;
  const std::string sandbox_id_;
  State state_ = State::kDown;
  // Of the agent that is there, or was lost; 0 for none.
  uint64_t process_id_ = 0;
  std::vector<UpCallback> waiters_;
  std::deque<MonotonicTime> starts_;

  UniqueFd requests_;
  UniqueFd events_;
  IoLoop::WatchId events_watch_ = IoLoop::kNoWatch;
  IoLoop::WatchId requests_watch_ = IoLoop::kNoWatch;
  FrameWriter unsent_;
  MemoryCharge unsent_charge_;
  std::unique_ptr<FrameParser> parser_;
  internal::AgentEvent event_;

  std::unordered_map<uint64_t, std::shared_ptr<AgentCommandListener>> commands_;
  std::map<uint64_t, Stream> streams_;
  uint64_t last_stream_id_ = 0;
  RootCommands root_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_AGENT_LINK_H_
