#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"

// The launcher's requests that a helper carries out in a sandbox: started, waited for, given up.
namespace warren {
namespace {

using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr seconds kTaskDeadline(30);
// Of one kind: each is a process of Warren's own.
constexpr size_t kMaxTasks = 16;
constexpr size_t kMaxTasksOfAll = 256;

const char* What(HelperTask task) {
  return task == HelperTask::kConnect ? "connections to its ports" : "mounts of packages";
}

}  // namespace

absl::Status Launcher::CheckTasks(const LiveSandbox& sandbox, HelperTask task) const {
  const auto here = static_cast<size_t>(
      std::count_if(sandbox.tasks.begin(), sandbox.tasks.end(),
                    [&](const auto& entry) { return entry.second.task == task; }));
  auto found = tasks_under_way_.find(task);
  const size_t all = found == tasks_under_way_.end() ? 0 : found->second;
  if (here < kMaxTasks && all < kMaxTasksOfAll) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(here, " ", What(task), " are under way in this ",
                                                   "sandbox and ", all, " in all: try again"));
}

absl::Status Launcher::StartTask(LiveSandbox& sandbox, const HelperSetup& setup,
                                 std::span<const int> fds,
                                 std::function<void(TaskOutcome)> finish) {
  WARREN_ASSIGN_OR_RETURN(HelperProcess helper,
                          HelperProcess::Start(resources_, *sandbox.process, setup, fds));
  clones_.insert(helper.pid());
  const std::string& id = sandbox.process->id();
  const uint64_t number = next_id_++;
  WARREN_RETURN_IF_ERROR(loop_.Watch(helper.report(), [this, id, number] {
    LiveSandbox& there = sandboxes_.at(id);
    EndTask(there, number, there.tasks.at(number).helper.Finish());
  }));
  const EventLoop::TimerId deadline = loop_.After(AtPace(kTaskDeadline), [this, id, number] {
    EndTask(sandboxes_.at(id), number, absl::DeadlineExceededError("it was not done in time"));
  });
  sandbox.tasks.emplace(number,
                        LiveTask{setup.task, std::move(helper), deadline, std::move(finish)});
  ++tasks_under_way_[setup.task];
  return absl::OkStatus();
}

void Launcher::EndTask(LiveSandbox& sandbox, uint64_t number, TaskOutcome outcome) {
  auto ended = sandbox.tasks.extract(number);
  LiveTask& task = ended.mapped();
  --tasks_under_way_[task.task];
  loop_.Cancel(task.deadline);
  loop_.Unwatch(task.helper.report());
  task.finish(std::move(outcome));
}

void Launcher::AbandonTasks(LiveSandbox& sandbox) {
  while (!sandbox.tasks.empty()) {
    EndTask(sandbox, sandbox.tasks.begin()->first,
            absl::FailedPreconditionError("the sandbox ended meanwhile"));
  }
}

}  // namespace warren
