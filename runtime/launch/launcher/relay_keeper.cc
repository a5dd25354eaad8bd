#include "runtime/launch/launcher/relay_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// From a relay's end to the next one's start: twice as long each time, until one has lived so long.
constexpr milliseconds kFirstRelayPause(100);
constexpr milliseconds kLongestRelayPause(5000);
constexpr seconds kRelayProven(60);
// One that has just begun does not read yet: so often it is tried again.
constexpr milliseconds kTellInterval(10);
// On a host of pace 1 (docs/TIMING.md): one that takes nothing for so long hangs.
constexpr seconds kRelayPatience(10);

}  // namespace

RelayKeeper::RelayKeeper(EventLoop& loop, LaunchResources& resources, RelaySource source,
                         std::function<void(UniqueFd)> on_started)
    : loop_(loop),
      resources_(resources),
      source_(std::move(source)),
      on_started_(std::move(on_started)),
      patience_(std::chrono::duration_cast<Clock::duration>(kRelayPatience *
                                                            std::max(resources.facts.pace(), 1.0))),
      pause_(kFirstRelayPause) {}

void RelayKeeper::Start() {
  absl::StatusOr<std::unique_ptr<RelayProcess>> relay =
      RelayProcess::Start(resources_, source_, next_id_++);
  absl::Status status = relay.status();
  if (status.ok()) status = loop_.Watch((*relay)->pidfd(), [this] { OnEnded(); });
  if (!status.ok()) {
    spdlog::error("event=relay_not_started error=\"{}\"", absl::CEscape(status.message()));
    return StartAgainLater();
  }
  relay_ = *std::move(relay);
  started_ = stuck_since_ = Clock::now();
  untold_.clear();
  for (const auto& [id, network] : open_) untold_.insert(id);
  Tell();
}

void RelayKeeper::OnEnded() {
  loop_.Unwatch(relay_->pidfd());
  loop_.Cancel(std::exchange(tell_timer_, 0));
  const std::string how = relay_->End();
  relay_.reset();
  if (Clock::now() - started_ >= kRelayProven) pause_ = kFirstRelayPause;
  spdlog::error("event=relay_ended how=\"{}\" effect=\"every connection of a sandbox is cut\"",
                absl::CEscape(how));
  StartAgainLater();
}

void RelayKeeper::StartAgainLater() {
  loop_.After(pause_, [this] { Start(); });
  pause_ = std::min<Clock::duration>(2 * pause_, kLongestRelayPause);
}

void RelayKeeper::Open(const std::string& sandbox_id, const SandboxNetwork& network) {
  open_[sandbox_id] = &network;
  if (untold_.empty()) stuck_since_ = Clock::now();
  untold_.insert(sandbox_id);
  Tell();
}

void RelayKeeper::Close(const std::string& sandbox_id) {
  if (open_.erase(sandbox_id) == 0) return;
  if (untold_.empty()) stuck_since_ = Clock::now();
  // What it never heard of, it need not forget.
  if (untold_.erase(sandbox_id) == 0) untold_.insert(sandbox_id);
  Tell();
}

void RelayKeeper::Tell() {
  loop_.Cancel(std::exchange(tell_timer_, 0));
  if (relay_ == nullptr) return;
  while (!untold_.empty()) {
    if (absl::Status status = TellOf(*untold_.begin()); !status.ok()) {
      if (Clock::now() - stuck_since_ < patience_) {
        tell_timer_ = loop_.After(kTellInterval, [this] { Tell(); });
        return;
      }
      spdlog::error("event=relay_hangs error=\"{}\"", absl::CEscape(status.message()));
      return relay_->Kill();
    }
    untold_.erase(untold_.begin());
    stuck_since_ = Clock::now();
  }
  if (UniqueFd end = relay_->TakeSupervisorEnd(); end.valid()) on_started_(std::move(end));
}

absl::Status RelayKeeper::TellOf(const std::string& sandbox_id) {
  auto network = open_.find(sandbox_id);
  if (network == open_.end()) return relay_->Detach(sandbox_id);
  return relay_->Attach(sandbox_id, network->second->sockets());
}

}  // namespace warren
