#include "runtime/launch/launcher/service_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// From a process's end to the next one's start: twice as long each time, until one has lived so
// long.
constexpr milliseconds kFirstPause(100);
constexpr milliseconds kLongestPause(5000);
constexpr seconds kProven(60);
// One that has just begun does not read yet: so often it is tried again.
constexpr milliseconds kTellInterval(10);
// On a host of pace 1 (docs/TIMING.md): one that takes nothing for so long hangs.
constexpr seconds kPatience(10);

}  // namespace

ServiceKeeper::ServiceKeeper(EventLoop& loop, LaunchResources& resources, Service& service,
                             Callbacks callbacks)
    : loop_(loop),
      resources_(resources),
      service_(service),
      callbacks_(std::move(callbacks)),
      patience_(std::chrono::duration_cast<Clock::duration>(kPatience *
                                                            std::max(resources.facts.pace(), 1.0))),
      pause_(kFirstPause) {}

void ServiceKeeper::Start() {
  if (absl::Status status = StartProcess(); !status.ok()) {
    spdlog::error("event=service_not_started service={} error=\"{}\"", service_.source().name,
                  absl::CEscape(status.message()));
    return StartAgainLater();
  }
  started_ = stuck_since_ = Clock::now();
  callbacks_.on_running();
  Tell();
}

absl::Status ServiceKeeper::StartProcess() {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<ServiceProcess> process,
                          ServiceProcess::Start(resources_, service_.source(), next_id_++));
  WARREN_RETURN_IF_ERROR(service_.SetUp(resources_, *process));
  WARREN_RETURN_IF_ERROR(loop_.Watch(process->pidfd(), [this] { OnEnded(); }));
  process_ = std::move(process);
  return absl::OkStatus();
}

void ServiceKeeper::OnEnded() {
  loop_.Unwatch(process_->pidfd());
  loop_.Cancel(std::exchange(tell_timer_, 0));
  const std::string how = process_->End();
  process_.reset();
  if (Clock::now() - started_ >= kProven) pause_ = kFirstPause;
  spdlog::error("event=service_ended service={} how=\"{}\" effect=\"{}\"", service_.source().name,
                absl::CEscape(how), absl::CEscape(service_.effect_of_end()));
  StartAgainLater();
}

void ServiceKeeper::StartAgainLater() {
  loop_.After(pause_, [this] { Start(); });
  pause_ = std::min<Clock::duration>(2 * pause_, kLongestPause);
}

void ServiceKeeper::Tell() {
  loop_.Cancel(std::exchange(tell_timer_, 0));
  if (process_ == nullptr) return;
  if (std::exchange(all_told_, false)) stuck_since_ = Clock::now();
  while (service_.HasUntold()) {
    if (absl::Status status = service_.TellNext(*process_); !status.ok()) {
      if (Clock::now() - stuck_since_ < patience_) {
        tell_timer_ = loop_.After(kTellInterval, [this] { Tell(); });
        return;
      }
      spdlog::error("event=service_hangs service={} error=\"{}\"", service_.source().name,
                    absl::CEscape(status.message()));
      return process_->Kill();
    }
    stuck_since_ = Clock::now();
  }
  all_told_ = true;
  if (UniqueFd end = process_->TakeSupervisorEnd(); end.valid())
    callbacks_.on_started(std::move(end));
}

}  // namespace warren
