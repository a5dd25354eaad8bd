#ifndef WARREN_TESTS_LAUNCH_HARNESS_H_
#define WARREN_TESTS_LAUNCH_HARNESS_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/control/launcher_client.h"
#include "tests/support/patience.h"
#include "warren/config/policy.pb.h"
#include "warren/config/template.pb.h"
#include "warren/internal/plan.pb.h"
#include "warren/internal/worker.pb.h"

// A launcher as the supervisor sees it, for tests on the real kernel. They run as root, on the host
// and, below tests/uml, on a kernel with cgroup v2. The environment may say what to test with:
//   WARREN_TEST_PREFIX    runtime tree instead of the build's
//   WARREN_TEST_TEMPLATE  template instead of "base"
//   WARREN_TEST_STORE     template store instead of a temporary one
namespace warren {

struct RunningSandbox {
  std::string id;
  uint64_t request_id = 0;
  // The launcher's reply; fds taken out.
  internal::LauncherReply reply;
  UniqueFd requests;
  UniqueFd events;
  UniqueFd out;
  UniqueFd err;
  std::map<internal::StatFile::Kind, UniqueFd> stats;

  bool launched() const { return reply.has_process_started(); }
  // The number in a cgroup file that holds one.
  int64_t Stat(internal::StatFile::Kind kind) const;
};

struct CellResult {
  std::string out;
  std::string error;
  internal::WorkerDone::Outcome outcome = internal::WorkerDone::OUTCOME_UNSPECIFIED;
  // The worker went away before it was done.
  bool gone = false;
};

// PREFIX of the tested tree.
std::string TestPrefix();
// The template that the environment asks for.
std::string TestTemplate();

struct HarnessOptions {
  int max_sandboxes = 40;
  std::string prefix = TestPrefix();
  std::string template_id = TestTemplate();
  std::vector<std::string> socket_paths;
  std::string limits_policy = "default";
  std::string egress_policy = "default";
  // Instead of the tested tree's.
  std::string relay_program;
  bool no_socket_lookup = false;
  std::string package_policy = "default";
  std::vector<std::string> package_indexes;
  std::string package_store;
  // Instead of the tested tree's.
  std::string fetcher_program;
  std::string store_program;
  int64_t memory_total = 0;
  int64_t pids_total = 0;
  // Instead of one of this test process's own.
  std::string cgroup_parent = absl::StrCat("warren-test-", ::getpid());
};

// The tested tree with a limits policy "loose" beside its own, for limits that no sandbox can live
// with, and an egress policy "closed", by which none has a network.
class LoosePrefix {
 public:
  LoosePrefix();
  ~LoosePrefix();
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Lifecycle: Start → requests and waits → Stop, which also checks that nothing is left.
class Harness {
 public:
  // Null, with a test failure, when the launcher does not come up.
  static std::unique_ptr<Harness> Start(const HarnessOptions& options = {});
  ~Harness();

  // Closes the socket and waits for the launcher; expects that no cgroup of its instance is left.
  void Stop();

  // ---- Requests: each returns its id.
  uint64_t Send(internal::LauncherRequest request);
  uint64_t RequestZygote(const std::string& template_id);
  uint64_t RequestCreate(const internal::SandboxSpec& spec, uint64_t zygote);
  uint64_t RequestProcess(const std::string& sandbox_id, uint64_t zygote,
                          const std::string& profile = "");
  // An agent or a command.
  uint64_t RequestProcess(const std::string& sandbox_id, internal::StartProcess::Kind kind,
                          const std::string& profile = "");
  uint64_t RequestKill(const std::string& sandbox_id, uint64_t process);
  uint64_t RequestDestroy(const std::string& sandbox_id);
  uint64_t RequestPause(const std::string& sandbox_id);
  uint64_t RequestResume(const std::string& sandbox_id);
  uint64_t RequestLimits(const std::string& sandbox_id,
                         const std::function<void(v1::Limits&)>& change);
  uint64_t RequestInterrupt(const std::string& sandbox_id);
  uint64_t RequestNetwork(const std::string& sandbox_id, const std::vector<uint32_t>& ports = {});
  uint64_t RequestPort(const std::string& sandbox_id, uint32_t port);
  uint64_t RequestPackages(const std::string& sandbox_id, const std::string& digest);
  uint64_t RequestStopZygote(uint64_t zygote);

  // ---- Waits. Messages that nobody waited for yet are kept. On silence the test fails and the
  // result is empty.
  using Matches = std::function<bool(const internal::LauncherReply&)>;
  LauncherMessage WaitFor(const Matches& matches, const std::string& what);
  LauncherMessage WaitForReply(uint64_t request_id);
  absl::Status WaitForStatus(uint64_t request_id);
  internal::SandboxGone::Reason WaitForGone(const std::string& sandbox_id);
  internal::ProcessExited WaitForProcessExited(const std::string& sandbox_id, uint64_t process = 1);
  internal::ZygoteExited WaitForZygoteExited(uint64_t zygote);
  // Events of this kind that have arrived within `milliseconds`, and were not waited for.
  bool Arrives(const Matches& matches, int milliseconds);

  // ---- The usual, in one step.
  uint64_t StartZygote();
  // Request and reply; a launched sandbox's worker has said that it is ready. It ends when what is
  // returned does, for that holds its requests' pipe.
  RunningSandbox Launch(const std::string& id, uint64_t zygote);
  RunningSandbox Launch(const internal::SandboxSpec& spec, uint64_t zygote);
  RunningSandbox Take(const std::string& id, LauncherMessage message);
  void Destroy(const std::string& id);
  CellResult Run(const RunningSandbox& sandbox, const std::string& code);
  // The output of a cell that must succeed.
  std::string Output(const RunningSandbox& sandbox, const std::string& code);
  void StartCell(const RunningSandbox& sandbox, const std::string& code);
  CellResult FinishCell(const RunningSandbox& sandbox);
  // Asks for the template's limits after `change`.
  internal::SandboxSpec Spec(
      const std::string& id, const std::function<void(v1::Limits&)>& change = [](v1::Limits&) {});
  // What it becomes.
  internal::LaunchPlan Plan(const internal::SandboxSpec& spec) const;

  // ---- What the host shows.
  const internal::HostFacts& facts() const { return facts_; }
  const internal::LauncherOffer& offer() const { return offer_; }
  const std::string& cgroup_parent() const { return cgroup_parent_; }
  const std::string& template_id() const { return recipe_.name(); }
  pid_t pid() const { return pid_; }
  LauncherClient& client() { return *client_; }
  // For who speaks to it instead, and ends it.
  std::unique_ptr<LauncherClient> TakeClient() { return std::move(client_); }
  bool v2() const { return facts_.cgroup_mode() == internal::HostFacts::V2; }
  // Directories of this launcher's instance, one for each hierarchy.
  std::vector<std::filesystem::path> InstanceDirectories() const;
  // Host pids in the group of a sandbox, or "zygote-N".
  std::vector<pid_t> PidsOf(const std::string& group) const;
  // The same in the hierarchy with the freezer, where a process of a sandbox has a group of its
  // own: "SANDBOX/pN".
  std::vector<pid_t> PidsInFreezer(const std::string& group) const;
  // Pid of the sandbox's init, as the host sees it.
  pid_t InitOf(const std::string& sandbox_id) const;
  // Every descendant of the launcher.
  std::set<pid_t> Descendants() const;
  bool GroupExists(const std::string& group) const;
  // Stops everything in a group, unseen by who waits for it; or lets it go on.
  void Freeze(const std::string& group, bool frozen) const;
  // The content of a control file of a group.
  std::string ReadGroupFile(const std::string& group, const std::string& controller,
                            const std::string& file) const;

 private:
  Harness() = default;
  bool StartLauncher(const HarnessOptions& options);
  void FindTemplate(const std::string& id);
  internal::WorkerEvent ReadEvent(int fd, bool& gone);

  std::filesystem::path store_;
  std::string cgroup_parent_;
  bool own_store_ = false;
  std::unique_ptr<LauncherClient> client_;
  pid_t pid_ = -1;
  internal::HostFacts facts_;
  config::TemplateRecipe recipe_;
  internal::LauncherOffer offer_;
  std::deque<LauncherMessage> unclaimed_;
  uint64_t last_request_ = 0;
};

// True in the guest of tools/uml-test: one slow processor.
bool InUml();

// Value of "NAME:\t..." in /proc/PID/status, blanks squeezed.
std::string StatusField(pid_t pid, const std::string& name);

// Tests that share one launcher and one zygote: most.
class SharedLauncherTest : public ::testing::Test {
 protected:
  // Not per suite: googletest reports a failure there as skipped tests.
  void SetUp() override;
  static void TearDownTestSuite();

  static std::unique_ptr<Harness> shared_;
  static uint64_t zygote_;
};

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_HARNESS_H_
