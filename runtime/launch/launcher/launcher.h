#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/launch/launcher/agent_process.h"
#include "runtime/launch/launcher/context_process.h"
#include "runtime/launch/launcher/cpu_sorter.h"
#include "runtime/launch/launcher/event_loop.h"
#include "runtime/launch/launcher/helper_process.h"
#include "runtime/launch/launcher/id_slots.h"
#include "runtime/launch/launcher/janitor.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_network.h"
#include "runtime/launch/launcher/sandbox_process.h"
#include "runtime/launch/launcher/service_sources.h"
#include "runtime/launch/launcher/services.h"
#include "runtime/launch/launcher/zygote_process.h"
#include "runtime/network/network_policy.h"
#include "runtime/plan/package_directories.h"
#include "warren/config/policy.pb.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

struct LauncherConfig {
  // Connected to the supervisor.
  int socket = -1;
  // bin/, share/warren/.
  std::string prefix;
  std::string store;
  std::string cgroup_parent = "warren";
  // policies/limits/NAME.textproto
  std::string limits_policy = "default";
  // policies/egress/NAME.textproto, or a path: EgressPolicyFile.
  std::string egress_policy = "default";
  // Empty for bin/warren-relay below the prefix.
  std::string relay_program;
  // As on a host that cannot.
  bool no_socket_lookup = false;
  // policies/packages/NAME.textproto, or a path: PackagePolicyFile.
  std::string package_policy = "default";
  // URLs and absolute paths in place of the policy's own indexes, where there are any.
  std::vector<std::string> package_indexes;
  std::string package_store = kDefaultPackageStore;
  int64_t package_store_bytes = kDefaultPackageStoreBytes;
  // Empty for bin/warren-fetcher and bin/warren-store below the prefix.
  std::string fetcher_program;
  std::string store_program;
  // The supervisor's listening sockets, to be removed when it could not do so.
  std::vector<std::string> sockets;
  uint32_t max_sandboxes = 1000;
  // What all sandboxes and zygotes may use together; 0 for what the host can spare.
  int64_t memory_total = 0;
  int64_t pids_total = 0;
  // TestLayer bits; 0 but in test builds.
  uint32_t layers_off = 0;
};

// The only process that makes namespaces, cgroups and mounts. Single-threaded; plans what the
// supervisor asks for (launcher.proto), carries it out and reports what ends. Of what
// comes out of a sandbox it reads its agent's reports alone. launcher.cc has the messages,
// zygotes.cc, sandboxes.cc, pauses.cc, networks.cc, tasks.cc, ports.cc, packages.cc, processes.cc
// and agents.cc what they are about.
// Lifecycle: Create → Run → destructor, which ends every sandbox and waits until all of them are
// gone.
class Launcher {
 public:
  static absl::StatusOr<std::unique_ptr<Launcher>> Create(const LauncherConfig& config);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Says hello, then serves until the supervisor closes its socket.
  absl::Status Run();

 private:
  struct LiveZygote {
    std::unique_ptr<ZygoteProcess> process;
    // Of StartZygote, until it is ready; then 0.
    uint64_t request_id = 0;
    EventLoop::Clock::time_point started;
    EventLoop::TimerId deadline = 0;
  };
  // A process of a sandbox, until it has ended and nothing of its group is left.
  struct LiveProcess {
    internal::StartProcess::Kind kind = internal::StartProcess::CONTEXT;
    // As it was asked for: empty for its sandbox's.
    std::string profile;
    // Of all but the first, which shares its sandbox's.
    std::optional<ProcessGroup> group;
    // Of the two, the one of its kind. A command is a child of the agent's.
    ContextProcess process;
    std::unique_ptr<AgentProcess> agent;
    // Of a context: names its fork to the zygote.
    uint64_t fork_id = 0;
    uint64_t zygote_id = 0;
    // Of StartProcess, until it is replied to; then 0. The first's is its sandbox's.
    uint64_t request_id = 0;
    // Of its start; later the next attempt to end what it left.
    EventLoop::TimerId deadline = 0;
    // Of a command that was killed, or an agent whose pipe ended: until its end is told.
    EventLoop::TimerId untold = 0;
    // Nudges after its last interrupt.
    std::vector<EventLoop::TimerId> nudges;
    // As StartProcess asked.
    bool leaves_descendants = false;
    // It is being killed with all that it started.
    bool ending = false;
    // Its sandbox was paused before nothing was left of it: the next attempt is its resume's.
    bool ends_at_resume = false;
    // Its end was reported, or it was never forked.
    bool exited = false;
    // It was stopped, by this signal, and is killed for it.
    int stopped_by = 0;
    // Of a first process that ended before its sandbox was there: told right after ProcessStarted.
    std::optional<int> early_end;
  };
  // What a helper has come to: an error where it was not let, or did not, finish.
  using TaskOutcome = absl::StatusOr<HelperProcess::Outcome>;
  // A request that a helper carries out in a sandbox, until it is replied to.
  struct LiveTask {
    HelperTask task = HelperTask::kConnect;
    HelperProcess helper;
    EventLoop::TimerId deadline = 0;
    // Replies. Called once.
    std::function<void(TaskOutcome)> finish;
  };
  enum class Motion { kRuns, kPausing, kPaused };
  struct LiveSandbox {
    std::unique_ptr<SandboxProcess> process;
    std::map<uint64_t, LiveProcess> processes;
    uint64_t last_process_id = 0;
    // Of CreateSandbox, until it is replied to; then 0.
    uint64_t request_id = 0;
    EventLoop::TimerId deadline = 0;
    EventLoop::TimerId oom_timer = 0;
    // Of PauseSandbox, until it is replied to; then 0.
    uint64_t pause_request = 0;
    EventLoop::TimerId pause_timer = 0;
    // Its processes are being stopped, or stand still.
    Motion motion = Motion::kRuns;
    // Once it was asked for.
    std::unique_ptr<SandboxNetwork> network;
    // Of OpenNetwork, until it is replied to; then 0.
    uint64_t network_request = 0;
    EventLoop::TimerId network_deadline = 0;
    // By numbers of the launcher's own: the supervisor's may be the same.
    std::map<uint64_t, LiveTask> tasks;
    // That it has, or is being given.
    int package_mounts = 0;
    // Until its bell is listened to again.
    EventLoop::TimerId bell_timer = 0;
    bool dying = false;
    internal::SandboxGone::Reason reason = internal::SandboxGone::INIT_DIED;
    // Read when it was dead, for SandboxGone.
    google::protobuf::RepeatedPtrField<internal::StatFile> last_stats;
  };
  struct ProcessKey {
    std::string sandbox_id;
    uint64_t process_id = 0;
  };
  // The process that a sandbox comes with, in no group of its own.
  static constexpr uint64_t kFirstProcess = 1;

  struct Parts {
    EventLoop loop;
    IdZones ids;
    Janitor janitor;
    LaunchResources resources;
    std::map<std::string, LaunchTemplate> templates;
    config::LimitsPolicy limits_policy;
    NetworkPresets network_presets;
    FoundServices services;
    UniqueFd idle_lookup;
  };
  Launcher(const LauncherConfig& config, Parts parts);

  // ---- launcher.cc: messages
  absl::Status SayHello();
  void OnSupervisor();
  void Dispatch(const internal::LauncherRequest& request);
  void Reply(uint64_t request_id, const absl::Status& status);
  void Send(const internal::LauncherReply& reply, std::span<const int> fds);
  // `time` of a host of pace 1, on this one.
  EventLoop::Clock::duration AtPace(std::chrono::microseconds time) const;
  absl::StatusOr<LaunchTemplate*> FindTemplate(const std::string& id);

  // ---- zygotes.cc
  absl::Status HandleStartZygote(uint64_t request_id, const internal::StartZygote& request);
  absl::StatusOr<LiveZygote*> FindZygote(uint64_t id, const std::string& template_id);
  void OnZygote(uint64_t zygote_id);
  void OnZygoteReady(LiveZygote& zygote, const std::string& facts);
  void OnForkFailed(LiveZygote& zygote, const ZygoteProcess::Event& event);
  void EndZygote(uint64_t zygote_id, const std::string& reason);
  void HearLastOf(ZygoteProcess& zygote);
  // Of a zygote: stopped, or dead.
  void OnZygoteReport(uint64_t zygote_id, int wait_status);

  // ---- processes.cc
  absl::Status HandleStartProcess(uint64_t request_id, const internal::StartProcess& request);
  absl::Status CheckStart(const internal::StartProcess& request, LiveSandbox& sandbox);
  absl::Status ForkContext(const ProcessKey& name, LiveProcess& process);
  absl::Status AskZygote(LiveZygote& zygote, const JoinRequest& request, LiveProcess& process,
                         ContextProcess::Sandbox sandbox);
  absl::Status HandleSignalProcess(const internal::SignalProcess& request);
  // The anchor's reports.
  void OnExits();
  void OnForked(ZygoteProcess::Event event);
  // `zygote_id`: who reports; 0 for the anchor.
  void OnProcessReport(int32_t pid, int wait_status, uint64_t zygote_id);
  void OnProcessExited(const ProcessKey& name, int wait_status);
  absl::Status InterruptProcess(const ProcessKey& name, LiveProcess& process);
  // Kills it with all that it started, trying again until nothing is left of them.
  void EndProcess(const ProcessKey& name, int attempts);
  // It has exited by itself, and what it left behind lives on in its group.
  static bool LeavesSomething(LiveProcess& process);
  // Forgets those whose groups are empty by now.
  void ForgetLeft(LiveSandbox& sandbox);
  void FailStart(const ProcessKey& name, const absl::Status& status);
  LiveProcess* FindProcess(const ProcessKey& name);
  // Lets go of its timers and watches.
  void ReleaseProcess(LiveProcess& process);
  void ForgetProcess(const ProcessKey& name);

  // ---- agents.cc
  absl::Status StartAgent(const ProcessKey& name, LiveProcess& process);
  absl::Status OfferCommand(const ProcessKey& name, LiveProcess& process);
  // Somebody inside wants an agent.
  void OnBell(const std::string& id);
  void SilenceBell(LiveSandbox& sandbox);
  // FAILED_PRECONDITION where there is none, or not yet.
  absl::StatusOr<LiveProcess*> FindAgent(LiveSandbox& sandbox);
  void ReplyStarted(const ProcessKey& name, LiveProcess& process, std::span<const int> ends);
  // `name` is the agent's in these.
  void OnAgent(const ProcessKey& name);
  void OnAgentReport(const ProcessKey& name, const AgentReport& report);
  // A command ends with its agent.
  void EndCommandsOf(const ProcessKey& agent);
  // False where there is no such command, or its end is known: an agent has no say about it.
  bool OnCommandExited(const ProcessKey& name, int wait_status);
  void LoseAgent(const ProcessKey& name, absl::string_view why);
  // Where it was not started yet, the agent tells of its end.
  void WithdrawCommand(const ProcessKey& name);
  // An agent whose pipe has ended, or a command that was killed: where nobody has told of its end
  // in time, the agent is killed.
  void AwaitEnd(const ProcessKey& name);

  // ---- sandboxes.cc
  absl::Status HandleCreateSandbox(uint64_t request_id, const internal::CreateSandbox& request);
  absl::Status HandleDestroy(const std::string& sandbox_id);
  absl::Status ForkFirstContext(const std::string& id, LiveSandbox& sandbox, LiveZygote& zygote);
  void OnLaunchDeadline(const std::string& id);
  absl::Status WatchSandbox(const std::string& id, SandboxProcess& process);
  void OnInitReady(const std::string& id);
  void ReplyWhenComplete(const std::string& id, LiveSandbox& sandbox);
  // `looks`: how often it was looked at since the kernel's warning.
  void OnOutOfMemory(const std::string& id, int looks);
  void OnSandboxDead(const std::string& id);
  // Removes its cgroup, trying again until the kernel has taken everything in it apart; `attempts`
  // were made before.
  void RemoveSandbox(const std::string& id, int attempts);
  // Has the CpuSorter look, now and from then on.
  void SortByCpuTime();
  void FailLaunch(const std::string& id, const absl::Status& status);
  // Nobody waits for them any more; what no pid namespace takes along is killed.
  void AbandonProcesses(LiveSandbox& sandbox);
  void KillSandbox(LiveSandbox& sandbox, internal::SandboxGone::Reason reason);

  // ---- pauses.cc
  absl::Status HandlePause(uint64_t request_id, const std::string& sandbox_id);
  absl::Status HandleResume(const std::string& sandbox_id);
  absl::Status HandleSetLimits(const internal::SetLimits& request);
  // NOT_FOUND where it is being ended.
  absl::StatusOr<LiveSandbox*> FindSandbox(const std::string& sandbox_id);
  // FAILED_PRECONDITION while it is paused: nothing in it would take a signal, or start.
  static absl::Status CheckRuns(const LiveSandbox& sandbox);
  // Whether all of it stands still; `looks` were before.
  void LookWhetherFrozen(const std::string& id, int looks);
  // Thaws it, and does what waited for that.
  absl::Status GoOn(const std::string& id);
  // It is being ended: who waits for its pause is told.
  void ForgetPause(LiveSandbox& sandbox);

  // ---- networks.cc
  absl::Status HandleOpenNetwork(uint64_t request_id, const internal::OpenNetwork& request);
  void OnNetworkReport(const std::string& id);
  void EndNetworkRequest(LiveSandbox& sandbox, const absl::Status& status);
  // It is being ended.
  void CloseNetwork(LiveSandbox& sandbox);

  // ---- tasks.cc
  // RESOURCE_EXHAUSTED: as many of the kind are under way as may be, here or in all sandboxes.
  absl::Status CheckTasks(const LiveSandbox& sandbox, HelperTask task) const;
  // Has a helper work in the sandbox, with `fds` beside its init. `finish` replies; not where this
  // fails.
  absl::Status StartTask(LiveSandbox& sandbox, const HelperSetup& setup, std::span<const int> fds,
                         std::function<void(TaskOutcome)> finish);
  void EndTask(LiveSandbox& sandbox, uint64_t number, TaskOutcome outcome);
  // It is being ended.
  void AbandonTasks(LiveSandbox& sandbox);

  // ---- ports.cc
  absl::Status HandleConnectPort(uint64_t request_id, const internal::ConnectPort& request);
  void ReplyConnected(uint64_t request_id, absl::StatusOr<UniqueFd> connection);

  // ---- packages.cc
  absl::Status HandleMountPackages(uint64_t request_id, const internal::MountPackages& request);

  LauncherConfig config_;
  EventLoop loop_;
  IdZones ids_;
  Janitor janitor_;
  LaunchResources resources_;
  std::map<std::string, LaunchTemplate> templates_;
  const config::LimitsPolicy limits_policy_;
  const NetworkPresets network_presets_;
  // The kernel asks programs for sockets at all as long as one is attached: to switch that on takes
  // a millisecond, which no sandbox waits for while this one is.
  const UniqueFd idle_lookup_;
  SlotPool slots_;
  // HostFacts.pace, at least 1.
  const double pace_;
  std::unordered_map<uint64_t, LiveZygote> zygotes_;
  std::unordered_map<std::string, LiveSandbox> sandboxes_;
  // Forks under way, by fork id.
  std::unordered_map<uint64_t, ProcessKey> forks_;
  // Contexts and agents whose end was not reported yet, by their pid in the anchor's namespace.
  std::unordered_map<int32_t, ProcessKey> by_pid_;
  // Pids there of the inits, zygotes, helpers and agents that are being started whose end was not
  // reported yet.
  std::unordered_set<int32_t> clones_;
  // Ends of others, by pid: of contexts whose zygote died before it told of them.
  std::unordered_map<int32_t, int> unclaimed_;
  uint64_t next_id_ = 1;
  // In all sandboxes.
  std::map<HelperTask, size_t> tasks_under_way_;
  CpuSorter sorter_;
  const config::PackagePolicy package_policy_;
  const std::string packages_unavailable_;
  std::optional<Services> services_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_
