#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/launch/launcher/event_loop.h"
#include "runtime/launch/launcher/id_slots.h"
#include "runtime/launch/launcher/janitor.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_process.h"
#include "runtime/launch/launcher/zygote_process.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

struct LauncherConfig {
  // Connected to the supervisor.
  int socket = -1;
  // bin/, share/warren/.
  std::string prefix;
  std::string store;
  std::string cgroup_parent = "warren";
  // The supervisor's listening sockets, to be removed when it could not do so.
  std::vector<std::string> sockets;
  uint32_t max_sandboxes = 1000;
  // TestLayer bits; 0 but in test builds.
  uint32_t layers_off = 0;
};

// The only process that makes namespaces, cgroups and mounts. Single-threaded; carries out the
// supervisor's requests (launcher.proto) and reports what ends. Nothing that a sandbox sends is
// read here. Lifecycle: Create → Run → destructor, which ends every sandbox and waits until all of
// them are gone.
class Launcher {
 public:
  static absl::StatusOr<std::unique_ptr<Launcher>> Create(const LauncherConfig& config);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  // Says hello, then serves until the supervisor closes its socket.
  absl::Status Run();

 private:
  struct Zygote {
    std::unique_ptr<ZygoteProcess> process;
    // Of StartZygote, until it is ready; then 0.
    uint64_t request_id = 0;
    EventLoop::Clock::time_point started;
    EventLoop::TimerId deadline = 0;
    // Contexts by their pid as the zygote sees it.
    std::unordered_map<int32_t, std::string> contexts;
  };
  struct Sandbox {
    std::unique_ptr<SandboxProcess> process;
    uint64_t context_id = 0;
    uint64_t zygote_id = 0;
    // Of LaunchSandbox, until it is replied to; then 0.
    uint64_t request_id = 0;
    EventLoop::TimerId deadline = 0;
    // Nudges after its last interrupt.
    std::vector<EventLoop::TimerId> nudges;
    bool dying = false;
    internal::SandboxGone::Reason reason = internal::SandboxGone::INIT_DIED;
    // Read when it was dead, for SandboxGone.
    google::protobuf::RepeatedPtrField<internal::StatFile> last_stats;
  };

  Launcher(const LauncherConfig& config, EventLoop loop, IdZones ids, Janitor janitor,
           LaunchResources resources, std::map<std::string, LaunchTemplate> templates);

  void OnSupervisor();
  void Dispatch(const internal::LauncherRequest& request);
  absl::Status HandleStartZygote(uint64_t request_id, const internal::StartZygote& request);
  absl::Status HandleLaunch(uint64_t request_id, const internal::LaunchSandbox& request);
  absl::Status HandleInterrupt(const std::string& sandbox_id);
  absl::Status HandleDestroy(const std::string& sandbox_id);

  void OnZygote(uint64_t zygote_id);
  void OnZygoteReady(Zygote& zygote, const std::string& version);
  void OnForked(uint64_t context_id, Zygote& zygote, ZygoteProcess::Event event);
  void OnContextExited(Zygote& zygote, int32_t pid, int32_t wait_status);
  void EndZygote(uint64_t zygote_id, const std::string& reason);

  absl::Status WatchSandbox(const std::string& id, SandboxProcess& process);
  void OnInitReady(const std::string& id);
  void ReplyWhenComplete(const std::string& id, Sandbox& sandbox);
  void OnOutOfMemory(const std::string& id);
  void OnSandboxDead(const std::string& id);
  // Removes its cgroup, trying again until the kernel has taken everything in it apart; `attempts`
  // were made before.
  void RemoveSandbox(const std::string& id, int attempts);
  // Keeps the sandboxes that compute from delaying those that answer; docs/adr/0015.
  void SortByCpuTime();
  void FailLaunch(const std::string& id, const absl::Status& status);
  void KillSandbox(Sandbox& sandbox, internal::SandboxGone::Reason reason);

  // `time` of a host of pace 1, on this one.
  EventLoop::Clock::duration AtPace(std::chrono::milliseconds time) const;
  void Reply(uint64_t request_id, const absl::Status& status);
  void Send(const internal::LauncherReply& reply, std::span<const int> fds);
  absl::StatusOr<LaunchTemplate*> FindTemplate(const std::string& id);

  LauncherConfig config_;
  EventLoop loop_;
  IdZones ids_;
  Janitor janitor_;
  LaunchResources resources_;
  std::map<std::string, LaunchTemplate> templates_;
  SlotPool slots_;
  // HostFacts.pace, at least 1.
  const double pace_;
  std::unordered_map<uint64_t, Zygote> zygotes_;
  std::unordered_map<std::string, Sandbox> sandboxes_;
  // Forks under way: context id → sandbox.
  std::unordered_map<uint64_t, std::string> forks_;
  uint64_t next_id_ = 1;
  // Of all sandboxes, when they were last sorted by it, and whether they used much of it then.
  int64_t cpu_time_us_ = 0;
  bool busy_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_LAUNCHER_H_
