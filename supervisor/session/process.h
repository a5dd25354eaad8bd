#ifndef WARREN_SUPERVISOR_SESSION_PROCESS_H_
#define WARREN_SUPERVISOR_SESSION_PROCESS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/launcher_client.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/session/agent_link.h"
#include "supervisor/session/process_input.h"
#include "supervisor/session/process_output.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/sandbox_use.h"
#include "supervisor/session/termination.h"
#include "warren/v1/process.pb.h"

namespace warren {

class Process;
class ProcessTable;

// A client of a process, from its call until it was told the end, or left. IO thread.
struct ProcessClient {
  // Null then.
  std::shared_ptr<SandboxHandle::ProcessSink> sink;
  // What its going does, where it is the last.
  warren::v1::OnDisconnect on_disconnect = warren::v1::ON_DISCONNECT_UNSPECIFIED;
  // Of what was kept it is told nothing.
  bool new_output_only = false;
  // Null before, and then.
  std::shared_ptr<Process> process;
  // It has no room.
  bool paused = false;
  // As long as it is there.
  SandboxUse use;
};

// One command of a sandbox: how it is started, its clients, its pipes, and its end, which is told
// when the agent has said whether it ran, the launcher how it ended, and its output is read.
//
// IO thread only. Lifecycle: constructor → Begin, with its first client → AddClient*, Leave* → its
// end: ProcessTable::OnEnded. Its watches keep it until then.
class Process final : public AgentCommandListener, public std::enable_shared_from_this<Process> {
 public:
  // Of the supervisor's, for its pipes.
  static constexpr int kDescriptors = 3;
  // From a script's SIGTERM to the kill, on a host of pace 1.
  static constexpr std::chrono::milliseconds kGrace{2000};
  // A script is asked to end (SIGTERM) before it is killed, and its end is told as a cell's is.
  enum class Kind { kCommand, kScript };

  // At once: each more is refused.
  static constexpr size_t kMaxClients = 64;
  // From its end, as the launcher tells it, to the agent's word whether it had started: one that
  // keeps it back is ended. On a host of pace 1.
  static constexpr std::chrono::seconds kWordPatience{10};

  // From the word to the agent to its answer: what is not started by then is killed. On a host of
  // pace 1.
  static constexpr std::chrono::seconds kStartPatience{30};

  // `request` is valid, its environment that of the sandbox too; `charge` is for it. What is kept
  // of its output is charged to `kept_output`. `host` outlives it.
  Process(SandboxHost& host, std::weak_ptr<ProcessTable> table, std::string sandbox_id,
          warren::v1::StartProcessRequest request, MemoryCharge charge,
          std::shared_ptr<MemoryBudget> kept_output, Kind kind = Kind::kCommand);

  void Begin(std::shared_ptr<AgentLink> agent);

  // ---- Clients
  // `after`: so much of its output the client has seen; where that is not said, all that came
  // before the last client went, or now. The End of its sink is OUT_OF_RANGE where it has not said
  // so much, and RESOURCE_EXHAUSTED where it has kMaxClients.
  void AddClient(std::shared_ptr<ProcessClient> client, std::optional<int64_t> after = {});
  enum class Leaving { kGone, kDetached };
  // kGone: as its on_disconnect says.
  void Leave(ProcessClient& client, Leaving how);
  void Resume(ProcessClient& client);

  void Write(warren::v1::WriteProcessInputRequest request, ProcessInput::WriteReply reply);
  // All of its input, before any other; it may have ended.
  void WriteAll(std::string data);
  // FAILED_PRECONDITION: it has ended, or has no terminal.
  absl::Status Resize(const warren::v1::Terminal& size);
  absl::Status Signal(int32_t signal);
  // Makes it end, for this reason, if nothing has before.
  void Stop(StopReason reason);

  // ---- What its table hears
  void OnExited(const internal::ProcessExited& event);
  void OnSandboxGone(bool out_of_memory);
  void StandStill();
  void GoOn();

  // The launcher's number; 0 before it has one.
  uint64_t number() const { return number_; }
  std::string id() const;
  const std::string& request_id() const { return request_.request_id(); }
  bool ended() const { return state_ == State::kEnded; }
  warren::v1::Process Describe() const;

 private:
  enum class State { kStarting, kRunning, kEnded };
  struct Output {
    UniqueFd pipe;
    ProcessOutput::Stream stream;
    IoLoop::WatchId watch = IoLoop::kNoWatch;
    bool unread = false;
    bool enlarged = false;
    // After its exit: what is still read of it, whoever holds the pipe open.
    std::optional<size_t> left;
  };
  struct Exit {
    int exit_code = 0;
    int signal = 0;
    int64_t cpu_us = 0;
    MonotonicTime when;
  };

  // AgentCommandListener.
  void OnStarted(int32_t pid) override;
  void OnFailed(const internal::CommandFailed& failed) override;
  void OnAgentGone() override;

  void Offer();
  void OnOffered(absl::StatusOr<LauncherMessage> reply);
  absl::Status TakePipes(LauncherMessage message);
  internal::StartCommand MakeCommand() const;
  bool has_terminal() const { return request_.has_terminal(); }

  bool WantsMore() const;
  void Read();
  void PostRead();
  // Returns how much it has read.
  size_t ReadOutput(Output& output, size_t most);
  ssize_t ReadSome(Output& output, size_t most);
  void Deliver(const Output& output, absl::string_view data);
  void HoldUntil(std::optional<MonotonicTime> time);
  void CloseOutput(Output& output);
  // What its pipes hold is read, and no more.
  void BeginDrain();

  void AwaitStart();
  // Counts from now, unless the sandbox stands still.
  void SetDeadline(MonotonicTime::duration left);
  void ArmTimeout();
  void OnDeadline();
  void Kill(StopReason reason);
  // Of its sandbox's being killed, where it was.
  void NoteSandboxEnding();
  void SendKill();
  // It did not start.
  void Fail(const absl::Status& status);
  // Whether it has started.
  void AwaitWord();
  void MaybeEnd();
  void Release();
  void EndClients(const absl::Status& status);
  // To a client that has seen so much of its output.
  warren::v1::ProcessEvent StartedEvent(int64_t seen) const;
  warren::v1::ProcessEvent ExitedEvent() const;
  void Push(const warren::v1::ProcessEvent& event);

  SandboxHost& host_;
  const std::weak_ptr<ProcessTable> table_;
  const std::string sandbox_id_;
  const warren::v1::StartProcessRequest request_;
  MemoryCharge request_charge_;
  const Kind kind_;
  std::shared_ptr<AgentLink> agent_;
  State state_ = State::kStarting;
  uint64_t number_ = 0;
  int32_t pid_ = 0;
  absl::Time started_at_;
  MonotonicTime started_;
  // At its deadline: that of its start, that of its timeout, or that of the grace behind it.
  TimerId timeout_ = 0;
  MonotonicTime deadline_;
  // Until then, while it stands still.
  std::optional<MonotonicTime::duration> time_left_;

  std::vector<std::shared_ptr<ProcessClient>> clients_;
  std::array<Output, 2> outputs_;
  std::shared_ptr<ProcessInput> input_;
  const std::shared_ptr<MemoryBudget> kept_budget_;
  ProcessOutput kept_;
  // Also while clients are there: one of them may go and come back.
  bool keeps_always_ = false;
  int64_t output_bytes_ = 0;
  // As the last client went.
  int64_t left_at_ = 0;
  bool held_ = false;
  ReadTurns::Turn turn_;

  // How it ends.
  StopReason stop_ = StopReason::kNone;
  bool kill_sent_ = false;
  // It was sent SIGTERM, for the reason above.
  bool asked_ = false;
  // There was more output than it may have.
  bool output_cut_ = false;
  std::optional<Exit> exit_;
  // Whether it was for memory is not known yet.
  bool account_awaited_ = false;
  bool out_of_memory_ = false;
  warren::v1::ProcessEvent exited_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PROCESS_H_
