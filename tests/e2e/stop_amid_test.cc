// A supervisor that is stopped, is killed, or loses its launcher in the middle of each operation:
// every call ends for its client, and nothing is left on the host.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/unique_fd.h"
#include "tests/e2e/harness.h"
#include "tests/support/kill_process.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using warren::v1::Termination;

// ---- What goes on -----------------------------------------------------------------------------

// How an operation ended for its client.
struct CallEnd {
  grpc::Status status;
  // From the last event; unset where there was none.
  Termination termination;
};

// What operations work on. The last two have something done to them all the time.
struct Scene {
  explicit Scene(const Server& at) : server(at), used(at), paused(at), changed(at) {}
  const Server& server;
  TestSandbox used;
  TestSandbox paused;
  TestSandbox changed;
};

// How far one operation is, for who stops the supervisor.
class Progress {
 public:
  explicit Progress(std::shared_future<void> over) : over_(std::move(over)) {}

  // It is in its middle.
  void Reach() { reached_ = true; }
  bool reached() const { return reached_; }
  // Until the supervisor is gone.
  void WaitUntilOver() const { over_.wait(); }
  // One call of many that the launcher answers.
  grpc::Status Ask(const std::function<grpc::Status()>& call) {
    asking_ = true;
    grpc::Status status = call();
    asking_ = false;
    // Not the first, before which more is made ready.
    if (++asked_ == 4) Reach();
    return status;
  }
  bool asking() const { return asking_; }
  int asked() const { return asked_; }

 private:
  const std::shared_future<void> over_;
  std::atomic<bool> reached_{false};
  std::atomic<bool> asking_{false};
  std::atomic<int> asked_{0};
};

// With a deadline far beyond what anything may take: DEADLINE_EXCEEDED is a call that hung.
struct BoundedContext : grpc::ClientContext {
  BoundedContext() { set_deadline(absl::ToChronoTime(absl::Now() + 3 * Patience())); }
};

const Termination* EndOf(const v1::ExecutionEvent& event) {
  return event.has_finished() ? &event.finished().termination() : nullptr;
}
const Termination* EndOf(const v1::ProcessEvent& event) {
  return event.has_exited() ? &event.exited().termination() : nullptr;
}

// Reads to the end. In its middle it is when this was said.
template <class Event>
CallEnd ReadOn(grpc::ClientReader<Event>& reader, const std::string& said, Progress& progress) {
  CallEnd end;
  std::string out;
  for (Event event; reader.Read(&event);) {
    out += event.output().data();
    if (absl::StrContains(out, said)) progress.Reach();
    if (const Termination* told = EndOf(event)) end.termination = *told;
  }
  end.status = reader.Finish();
  return end;
}

CallEnd RunCell(Scene& scene, Progress& progress) {
  auto stub = v1::ExecutionService::NewStub(scene.server.NewChannel());
  BoundedContext context;
  auto reader = stub->ExecuteCode(
      &context, scene.used.Request("import subprocess\n"
                                   "subprocess.run(['sh', '-c', 'echo in-the-cell; sleep 1000'])"));
  return ReadOn(*reader, "in-the-cell\n", progress);
}

CallEnd RunScript(Scene& scene, Progress& progress) {
  auto stub = v1::ExecutionService::NewStub(scene.server.NewChannel());
  v1::RunScriptRequest request;
  request.set_sandbox_id(scene.used.id());
  request.set_language("bash");
  // Deaf to what asks a script to end.
  request.set_source("trap '' TERM; echo in-the-script; sleep 1000");
  request.mutable_timeout()->set_seconds(3600);
  BoundedContext context;
  return ReadOn(*stub->RunScript(&context, request), "in-the-script\n", progress);
}

CallEnd RunProcess(Scene& scene, const std::vector<std::string>& arguments, const std::string& said,
                   Progress& progress) {
  auto stub = v1::ProcessService::NewStub(scene.server.NewChannel());
  v1::StartProcessRequest request;
  request.set_sandbox_id(scene.used.id());
  for (const std::string& argument : arguments) request.add_arguments(argument);
  BoundedContext context;
  return ReadOn(*stub->StartProcess(&context, request), said, progress);
}

CallEnd RunCommand(Scene& scene, Progress& progress) {
  // With a child that is in no session of its own.
  return RunProcess(scene, {"sh", "-c", "setsid sleep 1000 & echo in-the-command; sleep 1000"},
                    "in-the-command\n", progress);
}

CallEnd RunAsRoot(Scene& scene, Progress& progress) {
  return RunProcess(scene, {"sudo", "sh", "-c", "echo as-$(id -u); sleep 1000"}, "as-0\n",
                    progress);
}

CallEnd RunTerminal(Scene& scene, Progress& progress) {
  auto stub = v1::ProcessService::NewStub(scene.server.NewChannel());
  v1::StartProcessRequest request;
  request.set_sandbox_id(scene.used.id());
  for (const char* argument : {"bash", "--norc", "--noprofile", "-i"}) {
    request.add_arguments(argument);
  }
  request.mutable_terminal()->set_rows(24);
  request.mutable_terminal()->set_columns(80);
  BoundedContext context;
  auto reader = stub->StartProcess(&context, request);
  v1::ProcessEvent started;
  if (!reader->Read(&started)) return {reader->Finish(), {}};
  v1::WriteProcessInputRequest typed;
  typed.set_sandbox_id(scene.used.id());
  typed.set_process_id(started.started().process_id());
  // A job in the background and one in front. What the terminal echoes has no sum in it.
  typed.set_data("sleep 1000 &\nsh -c 'echo in-$((1+1)); sleep 1000'\n");
  v1::WriteProcessInputResponse taken;
  BoundedContext writing;
  const grpc::Status written = stub->WriteProcessInput(&writing, typed, &taken);
  EXPECT_TRUE(written.ok()) << written.error_message();
  return ReadOn(*reader, "in-2", progress);
}

// Some of it has arrived, beside its place.
bool HasHalfAFile(v1::FileService::Stub& stub, const Scene& scene, const std::string& directory) {
  v1::ListDirectoryRequest request;
  request.set_sandbox_id(scene.used.id());
  request.set_path(directory);
  BoundedContext context;
  auto reader = stub.ListDirectory(&context, request);
  bool found = false;
  for (v1::FileEntry entry; reader->Read(&entry);) {
    found |= absl::StrContains(entry.path(), "/.warren-") && entry.size_bytes() > 0;
  }
  return reader->Finish().ok() && found;
}

CallEnd Upload(Scene& scene, Progress& progress) {
  auto stub = v1::FileService::NewStub(scene.server.NewChannel());
  BoundedContext context;
  v1::WriteFileResponse response;
  auto writer = stub->WriteFile(&context, &response);
  v1::WriteFileRequest request;
  request.mutable_header()->set_sandbox_id(scene.used.id());
  request.mutable_header()->set_path("/tmp/up/file");
  bool taken = writer->Write(request);
  request.set_data(std::string(1 << 20, 'x'));
  for (int i = 0; i < 3; ++i) taken = taken && writer->Write(request);
  EXPECT_TRUE(taken);
  if (Eventually([&] { return HasHalfAFile(*stub, scene, "/tmp/up"); })) progress.Reach();
  // Neither its end nor that of the stream is sent.
  return {writer->Finish(), {}};
}

CallEnd Download(Scene& scene, Progress& progress) {
  auto stub = v1::FileService::NewStub(scene.server.NewChannel());
  v1::ReadFileRequest request;
  request.set_sandbox_id(scene.used.id());
  request.set_path("/tmp/large");
  BoundedContext context;
  auto reader = stub->ReadFile(&context, request);
  v1::ReadFileResponse part;
  while (!part.has_data() && reader->Read(&part)) {
  }
  if (part.has_data()) progress.Reach();
  // It does not read on: what there is fills the pipes and the stream.
  progress.WaitUntilOver();
  while (reader->Read(&part)) EXPECT_FALSE(part.has_end());
  return {reader->Finish(), {}};
}

CallEnd Watch(Scene& scene, Progress& progress) {
  auto stub = v1::FileService::NewStub(scene.server.NewChannel());
  v1::WatchDirectoryRequest request;
  request.set_sandbox_id(scene.used.id());
  request.set_path("/home/user");
  request.set_recursive(true);
  BoundedContext context;
  auto reader = stub->WatchDirectory(&context, request);
  for (v1::FileEvent event; reader->Read(&event);) {
    if (event.kind() == v1::FileEvent::WATCHING) progress.Reach();
  }
  return {reader->Finish(), {}};
}

// Those of a moment, again and again until one fails: so the supervisor is always in one.

CallEnd MakeContexts(Scene& scene, Progress& progress) {
  auto stub = v1::ContextService::NewStub(scene.server.NewChannel());
  v1::CreateContextRequest request;
  request.set_sandbox_id(scene.changed.id());
  for (bool bash = false;; bash = !bash) {
    request.set_language(bash ? "bash" : "python");
    v1::Context made;
    grpc::Status status = progress.Ask([&] {
      BoundedContext context;
      return stub->CreateContext(&context, request, &made);
    });
    if (!status.ok()) return {status, {}};
    v1::DeleteContextRequest remove;
    remove.set_sandbox_id(scene.changed.id());
    remove.set_context_id(made.context_id());
    v1::DeleteContextResponse removed;
    BoundedContext context;
    status = stub->DeleteContext(&context, remove, &removed);
    if (!status.ok()) return {status, {}};
  }
}

CallEnd ChangeLimits(Scene& scene, Progress& progress) {
  auto stub = v1::SandboxService::NewStub(scene.server.NewChannel());
  v1::ChangeSandboxLimitsRequest request;
  request.set_sandbox_id(scene.changed.id());
  for (bool more = false;; more = !more) {
    request.mutable_limits()->set_memory_bytes((more ? 768 : 640) << 20);
    request.mutable_limits()->set_pids(more ? 99 : 90);
    const grpc::Status status = progress.Ask([&] {
      v1::Sandbox changed;
      BoundedContext context;
      return stub->ChangeSandboxLimits(&context, request, &changed);
    });
    if (!status.ok()) return {status, {}};
  }
}

CallEnd PauseAndResume(Scene& scene, Progress& progress) {
  auto stub = v1::SandboxService::NewStub(scene.server.NewChannel());
  for (bool pause = true;; pause = !pause) {
    const grpc::Status status = progress.Ask([&] {
      v1::Sandbox changed;
      BoundedContext context;
      v1::PauseSandboxRequest pausing;
      pausing.set_sandbox_id(scene.paused.id());
      v1::ResumeSandboxRequest resuming;
      resuming.set_sandbox_id(scene.paused.id());
      return pause ? stub->PauseSandbox(&context, pausing, &changed)
                   : stub->ResumeSandbox(&context, resuming, &changed);
    });
    if (!status.ok()) return {status, {}};
  }
}

enum class Kind {
  // Something runs, and how it ends is an event of its stream.
  kRun,
  // A stream that has no such event.
  kStream,
  // Calls that wait for the launcher.
  kAsked,
};

struct Operation {
  const char* name;
  Kind kind;
  CallEnd (*run)(Scene&, Progress&);
};

constexpr Operation kOperations[] = {
    {"a cell", Kind::kRun, RunCell},
    {"a script", Kind::kRun, RunScript},
    {"a command", Kind::kRun, RunCommand},
    {"a command as root", Kind::kRun, RunAsRoot},
    {"a terminal", Kind::kRun, RunTerminal},
    {"an upload", Kind::kStream, Upload},
    {"a download", Kind::kStream, Download},
    {"a watch", Kind::kStream, Watch},
    {"a context in the making", Kind::kAsked, MakeContexts},
    {"a change of limits", Kind::kAsked, ChangeLimits},
    {"a pause or its end", Kind::kAsked, PauseAndResume},
};

// ---- What is left -----------------------------------------------------------------------------

std::string HostMounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string NamespacePath(const std::string& process) {
  return absl::StrCat("/proc/", process, "/ns/mnt");
}

std::string MountNamespace(const std::string& process) {
  std::error_code error;
  return fs::read_symlink(NamespacePath(process), error).string();
}

// Processes of the host that are in one of these mount namespaces, which hold their mounts.
std::vector<std::string> ProcessesIn(const std::set<std::string>& namespaces) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (namespaces.contains(MountNamespace(name))) found.push_back(name);
  }
  return found;
}

// ---- The ends ---------------------------------------------------------------------------------

// Whether clients hear by an event how what they ran has ended.
enum class Told { kNever, kPerhaps, kAlways };

class StopAmidTest : public ::testing::Test {
 protected:
  // Everything is in its middle, and the launcher stands still with what it was asked for.
  void SetUp() override {
    mounts_ = HostMounts();
    server_ = std::make_unique<Server>();
    ASSERT_TRUE(server_->started());
    scene_ = std::make_unique<Scene>(*server_);
    ASSERT_TRUE(scene_->changed.created().ok());
    ASSERT_EQ(scene_->used.Execute("open('/tmp/large', 'wb').truncate(128 << 20)").result(),
              absl::StrCat(128 << 20));
    scene_->paused.Execute("import subprocess; subprocess.Popen(['sleep', '1000'])");
    for (const Operation& operation : kOperations) {
      runs_.push_back(std::make_unique<Run>(operation, over_future_, *scene_));
    }
    for (const auto& run : runs_) {
      EXPECT_TRUE(Eventually([&] { return run->progress.reached(); }))
          << run->operation.name << " does not come to its middle";
    }
    ASSERT_FALSE(HasFailure());
    launcher_ = server_->launcher_pid();
    ASSERT_TRUE(HoldLauncher());
    processes_ = server_->TakeFootprint().processes;
    for (pid_t pid : processes_) RememberNamespace(absl::StrCat(pid));
    // Of each of three sandboxes its own, and the launcher's.
    EXPECT_GE(namespaces_.size(), 4u);
    EXPECT_THAT(processes_, Contains(launcher_));
    EXPECT_THAT(server_->Cgroups(), Not(IsEmpty()));
  }
  // Also where the test did not come so far.
  void TearDown() override {
    LetLauncherGo();
    server_.reset();
    Over();
  }

  void LetLauncherGo() const { KillProcess(launcher_, SIGCONT); }
  // The supervisor is gone: who waited for that reads on.
  void Over() {
    if (!std::exchange(is_over_, true)) over_.set_value();
  }
  // No call hung, and none says that all went well: where the end of what ran could still be told,
  // that is KILLED.
  void ExpectEachCallEnds(Told told) {
    Over();
    for (const auto& run : runs_) {
      const CallEnd end = run->end.get();
      SCOPED_TRACE(absl::StrCat(run->operation.name, ": ", end.status.error_code(), " ",
                                end.status.error_message(), "; ",
                                end.termination.ShortDebugString()));
      const bool runs = run->operation.kind == Kind::kRun;
      if (end.status.ok()) {
        EXPECT_TRUE(runs && told != Told::kNever);
        EXPECT_EQ(end.termination.kind(), Termination::KILLED);
        EXPECT_THAT(end.termination.message(), HasSubstr("the supervisor was stopped"));
      } else {
        // DEADLINE_EXCEEDED is a call that hung.
        EXPECT_THAT(end.status.error_code(),
                    ::testing::AnyOf(grpc::StatusCode::UNAVAILABLE,
                                     // As gRPC cuts off what is under way.
                                     grpc::StatusCode::CANCELLED,
                                     // The sandbox went first, and that was told.
                                     grpc::StatusCode::FAILED_PRECONDITION));
        EXPECT_FALSE(runs && told == Told::kAlways);
      }
    }
  }
  void ExpectNothingLeft(absl::Duration patience) const {
    const fs::path socket = server_->directory() / "run/warren.sock";
    std::vector<pid_t> left;
    Eventually(
        [&] {
          left.clear();
          std::copy_if(processes_.begin(), processes_.end(), std::back_inserter(left),
                       [](pid_t pid) { return KillProcess(pid, 0) == 0; });
          return left.empty() && ProcessesIn(namespaces_).empty() && server_->Cgroups().empty() &&
                 !fs::exists(socket);
        },
        patience);
    EXPECT_THAT(left, IsEmpty());
    EXPECT_THAT(ProcessesIn(namespaces_), IsEmpty()) << "they hold mounts";
    EXPECT_THAT(server_->Cgroups(), IsEmpty());
    EXPECT_EQ(HostMounts(), mounts_);
    EXPECT_FALSE(fs::exists(socket));
  }

  std::unique_ptr<Server> server_;
  pid_t launcher_ = -1;

 private:
  struct Run {
    Run(const Operation& what, std::shared_future<void> over, Scene& scene)
        : operation(what), progress(std::move(over)) {
      end = std::async(std::launch::async, what.run, std::ref(scene), std::ref(progress));
    }
    const Operation& operation;
    Progress progress;
    std::future<CallEnd> end;
  };

  void RememberNamespace(const std::string& process) {
    const std::string name = MountNamespace(process);
    // Without a hold on it the number might be that of another one soon.
    UniqueFd held(::open(NamespacePath(process).c_str(), O_RDONLY | O_CLOEXEC));
    if (!held.valid() || name == MountNamespace("self")) return;
    if (namespaces_.insert(name).second) held_.push_back(std::move(held));
  }
  std::vector<int> Asked() const {
    std::vector<int> asked;
    for (const auto& run : runs_) asked.push_back(run->progress.asked());
    return asked;
  }
  // Wherever it is just then, but so that each of the calls that wait for it is under way.
  bool HoldLauncher() const {
    return Eventually([&] {
      KillProcess(launcher_, SIGSTOP);
      const std::vector<int> before = Asked();
      // What it has answered already arrives meanwhile.
      absl::SleepFor(absl::Milliseconds(100));
      const bool held =
          Asked() == before && std::all_of(runs_.begin(), runs_.end(), [](const auto& run) {
            return run->operation.kind != Kind::kAsked || run->progress.asking();
          });
      if (!held) LetLauncherGo();
      return held;
    });
  }

  std::string mounts_;
  std::vector<pid_t> processes_;
  std::set<std::string> namespaces_;
  std::vector<UniqueFd> held_;
  std::unique_ptr<Scene> scene_;
  std::promise<void> over_;
  std::shared_future<void> over_future_ = over_.get_future().share();
  bool is_over_ = false;
  // Their threads end before what they use.
  std::vector<std::unique_ptr<Run>> runs_;
};

TEST_F(StopAmidTest, TerminationLeavesNothingAndSaysSo) {
  KillProcess(server_->pid(), SIGTERM);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server_->log(), "event=stopping"); }));
  LetLauncherGo();
  EXPECT_EQ(server_->Stop(), 0) << server_->log();
  ExpectNothingLeft(absl::ZeroDuration());
  ExpectEachCallEnds(Told::kAlways);
}

TEST_F(StopAmidTest, AKillOfTheSupervisorLeavesNothing) {
  server_->Kill();
  LetLauncherGo();
  ExpectNothingLeft(Patience());
  // The janitor removes it behind the socket.
  const fs::path lock = server_->directory() / "run/warren.sock.lock";
  EXPECT_TRUE(Eventually([&] { return !fs::exists(lock); }));
  ExpectEachCallEnds(Told::kNever);
}

TEST_F(StopAmidTest, AKillOfTheLauncherLeavesNothing) {
  KillProcess(launcher_, SIGKILL);
  int status = 0;
  const bool ended =
      Eventually([&] { return ::waitpid(server_->pid(), &status, WNOHANG) == server_->pid(); });
  const std::string log = server_->log();
  EXPECT_TRUE(ended) << "the supervisor goes on without its launcher; the end of its log:\n"
                     << log.substr(log.size() - std::min<size_t>(log.size(), 2000));
  if (ended) {
    server_->Forget();
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 1);
  } else {
    server_->Kill();
  }
  EXPECT_THAT(server_->log(), HasSubstr("event=launcher_gone"));
  ExpectNothingLeft(Patience());
  ExpectEachCallEnds(Told::kPerhaps);
}

}  // namespace
}  // namespace warren
