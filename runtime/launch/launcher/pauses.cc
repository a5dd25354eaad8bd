#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"

// The launcher's sandboxes while they live: paused, resumed, given other limits.
namespace warren {
namespace {

using std::chrono::microseconds;

// Between the looks whether a sandbox stands still: twice as long each time, up to the longest. On
// a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr microseconds kFirstFreezeLook(200);
constexpr microseconds kLongestFreezeLook(51200);
constexpr int kFreezeDoublings = 8;
// Two seconds: what takes longer sits in the kernel, and may for ever.
constexpr int kFreezeLooks = 46;
// From this one on, after 51 ms, without the sandbox's CPU quota: what waits for its next period
// has to run a little to stop.
constexpr int kHurriedLook = 8;

}  // namespace

absl::StatusOr<Launcher::LiveSandbox*> Launcher::FindSandbox(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end() || found->second.dying)
    return absl::NotFoundError("no such sandbox");
  return &found->second;
}

absl::Status Launcher::CheckRuns(const LiveSandbox& sandbox) {
  if (sandbox.motion == Motion::kRuns) return absl::OkStatus();
  return absl::FailedPreconditionError("the sandbox is paused; resume it first");
}

absl::Status Launcher::HandlePause(uint64_t request_id, const std::string& sandbox_id) {
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(sandbox_id));
  if (sandbox->motion == Motion::kPaused) {
    Reply(request_id, absl::OkStatus());
    return absl::OkStatus();
  }
  if (sandbox->motion == Motion::kPausing)
    return absl::UnavailableError("the sandbox is just being paused: try again");
  // Half in the sandbox, it would stop in the middle, or not at all; its start would time out.
  const bool starting =
      sandbox->request_id != 0 ||
      std::any_of(sandbox->processes.begin(), sandbox->processes.end(),
                  [](const auto& process) { return process.second.request_id != 0; });
  if (starting)
    return absl::UnavailableError("a process of the sandbox is just being started: try again");
  sandbox->motion = Motion::kPausing;
  sandbox->pause_request = request_id;
  if (absl::Status status = sandbox->process->Freeze(); !status.ok()) {
    sandbox->pause_request = 0;
    GoOn(sandbox_id).IgnoreError();
    return status;
  }
  LookWhetherFrozen(sandbox_id, 0);
  return absl::OkStatus();
}

void Launcher::LookWhetherFrozen(const std::string& id, int looks) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end() || found->second.motion != Motion::kPausing) return;
  LiveSandbox& sandbox = found->second;
  absl::StatusOr<bool> frozen = sandbox.process->IsFrozen();
  if (frozen.ok() && !*frozen && looks < kFreezeLooks) {
    if (looks == kHurriedLook) sandbox.process->LiftCpuQuota();
    const microseconds wait = kFirstFreezeLook * (1 << std::min(looks, kFreezeDoublings));
    sandbox.pause_timer = loop_.After(AtPace(std::min(wait, kLongestFreezeLook)),
                                      [this, id, looks] { LookWhetherFrozen(id, looks + 1); });
    return;
  }
  if (looks > kHurriedLook) sandbox.process->RestoreCpuQuota();
  const uint64_t request = std::exchange(sandbox.pause_request, 0);
  if (frozen.ok() && *frozen) {
    sandbox.motion = Motion::kPaused;
    return Reply(request, absl::OkStatus());
  }
  absl::Status status = frozen.status();
  if (status.ok()) {
    status = absl::UnavailableError(
        "a process of the sandbox has not stopped in time, for it waits in the kernel; all of it "
        "runs on: try again");
  }
  spdlog::warn("event=pause_failed sandbox={} error=\"{}\"", id, absl::CEscape(status.message()));
  GoOn(id).IgnoreError();
  Reply(request, status);
}

absl::Status Launcher::HandleResume(const std::string& sandbox_id) {
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(sandbox_id));
  if (sandbox->motion == Motion::kPausing)
    return absl::UnavailableError("the sandbox is just being paused: try again");
  return sandbox->motion == Motion::kPaused ? GoOn(sandbox_id) : absl::OkStatus();
}

absl::Status Launcher::GoOn(const std::string& id) {
  LiveSandbox& sandbox = sandboxes_.at(id);
  WARREN_RETURN_IF_ERROR(sandbox.process->Thaw());
  sandbox.motion = Motion::kRuns;
  std::vector<uint64_t> ending;
  for (auto& [process_id, process] : sandbox.processes) {
    if (process.untold != 0) AwaitEnd({id, process_id});
    if (std::exchange(process.ends_at_resume, false)) ending.push_back(process_id);
  }
  // Not their first attempts: they are being ended.
  for (uint64_t process_id : ending) EndProcess({id, process_id}, 1);
  return absl::OkStatus();
}

void Launcher::ForgetPause(LiveSandbox& sandbox) {
  // Where it was not killed, but its init ended by itself.
  if (sandbox.motion != Motion::kRuns) sandbox.process->Thaw().IgnoreError();
  sandbox.motion = Motion::kRuns;
  loop_.Cancel(std::exchange(sandbox.pause_timer, 0));
  if (sandbox.pause_request == 0) return;
  Reply(std::exchange(sandbox.pause_request, 0),
        absl::CancelledError("the sandbox ended while it was being paused"));
}

absl::Status Launcher::HandleSetLimits(const internal::SetLimits& request) {
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(request.sandbox_id()));
  if (sandbox->request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  WARREN_ASSIGN_OR_RETURN(
      const v1::Limits limits,
      ChangeLimits(limits_policy_, sandbox->process->plan().limits(), request.limits()));
  return sandbox->process->SetLimits(limits, resources_.facts);
}

}  // namespace warren
