#ifndef WARREN_SUPERVISOR_SESSION_PROCESS_TABLE_H_
#define WARREN_SUPERVISOR_SESSION_PROCESS_TABLE_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "supervisor/session/agent_link.h"
#include "supervisor/session/process.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/sandbox_stats.h"
#include "supervisor/session/termination.h"
#include "warren/v1/process.pb.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What the processes of a sandbox ask of it. May lock the sandbox.
class ProcessHost {
 public:
  virtual const std::string& id() const = 0;
  virtual const warren::v1::Limits& limits() const = 0;
  virtual CpuTime ReadCpu() = 0;
  virtual void CountOutput(int64_t bytes) = 0;
  // Kills everything in it.
  virtual void Destroy(StopReason reason) = 0;
  // To the launcher, as soon as the sandbox runs.
  virtual void Signal(internal::LauncherRequest request) = 0;

 protected:
  ~ProcessHost() = default;
};

// The processes of a sandbox beside its contexts: those that are being started, those that run, and
// for a while those that have ended.
//
// IO thread only, but for what says otherwise.
class ProcessTable final : public std::enable_shared_from_this<ProcessTable> {
 public:
  // At once; with the contexts and the agent within the launcher's bound on process groups.
  static constexpr size_t kMaxProcesses = 48;
  // Ended ones beyond so many are forgotten, oldest first.
  static constexpr size_t kMaxEnded = 32;
  // Of what is kept of the output of all sandboxes' processes, one sandbox has at most this part.
  static constexpr int64_t kKeptShare = 4;
  // How long one that has ended is kept.
  static constexpr std::chrono::seconds kEndedKept{300};

  // `host` outlives it. `environment` is that of every process of the sandbox.
  ProcessTable(SandboxHost& host, std::weak_ptr<ProcessHost> sandbox, std::string sandbox_id,
               std::shared_ptr<AgentLink> agent, std::map<std::string, std::string> environment,
               std::chrono::nanoseconds kept = kEndedKept)
      : host_(host),
        sandbox_(std::move(sandbox)),
        sandbox_id_(std::move(sandbox_id)),
        agent_(std::move(agent)),
        environment_(std::move(environment)),
        kept_output_(std::make_shared<MemoryBudget>(host.kept_output.limit() / kKeptShare,
                                                    &host.kept_output)),
        kept_(kept) {}
  ~ProcessTable();

  // What is refused is the End of the client's sink.
  void Start(warren::v1::StartProcessRequest request, std::shared_ptr<ProcessClient> client,
             Process::Kind kind = Process::Kind::kCommand);
  void Connect(const std::string& process_id, std::shared_ptr<ProcessClient> client,
               std::optional<int64_t> after = {});
  // Null when there is none.
  std::shared_ptr<Process> Find(const std::string& process_id) const;
  warren::v1::ListProcessesResponse List() const;
  // Those that have not ended.
  size_t running() const { return running_; }

  // ---- For its sandbox
  void OnExited(const internal::ProcessExited& event);
  // Any thread: it is about to be killed, for this reason.
  void NoteEnding(StopReason reason) { ending_.store(reason, std::memory_order_release); }
  void OnSandboxGone(bool out_of_memory);
  // It is being paused, or runs again: timeouts stand still meanwhile.
  void StandStill();
  void GoOn();

  // ---- For its processes
  bool stands_still() const { return stands_still_; }
  void Signal(internal::LauncherRequest request);
  StopReason ending() const { return ending_.load(std::memory_order_acquire); }
  void OnOffered(std::shared_ptr<Process> process);
  enum class HowEnded { kNotStarted, kExited };
  void OnEnded(Process& process, HowEnded how);
  void CountOutput(int64_t bytes);

 private:
  struct EndedOne {
    uint64_t number;
    MonotonicTime forget_at;
  };
  absl::Status Admit(const warren::v1::StartProcessRequest& request, MemoryCharge& charge);
  void ConnectTo(std::shared_ptr<Process> process, std::shared_ptr<ProcessClient> client,
                 std::optional<int64_t> after);
  // Connects the client to what the same request has started before. False when nothing has.
  bool ConnectByRequest(const warren::v1::StartProcessRequest& request,
                        const std::shared_ptr<ProcessClient>& client);
  void Keep(uint64_t number);
  void ForgetOldest();
  void Forget(uint64_t number);
  void ArmForgetting();
  void CheckCpu();

  SandboxHost& host_;
  const std::weak_ptr<ProcessHost> sandbox_;
  const std::string sandbox_id_;
  const std::shared_ptr<AgentLink> agent_;
  const std::map<std::string, std::string> environment_;
  // Its processes may outlive this.
  const std::shared_ptr<MemoryBudget> kept_output_;
  const std::chrono::nanoseconds kept_;
  std::atomic<StopReason> ending_{StopReason::kNone};
  size_t running_ = 0;
  // By the launcher's number: in the order in which they were started.
  std::map<uint64_t, std::shared_ptr<Process>> processes_;
  // Of clients that gave one, as long as its process is known: the request as it came.
  struct Requested {
    warren::v1::StartProcessRequest request;
    std::shared_ptr<Process> process;
  };
  std::unordered_map<std::string, Requested> by_request_id_;
  // Oldest first.
  std::deque<EndedOne> ended_;
  bool forgetting_ = false;
  bool cpu_checked_ = false;
  bool stands_still_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PROCESS_TABLE_H_
