#include "runtime/relay/bandwidth.h"

#include <algorithm>
#include <utility>

namespace warren {
namespace {

constexpr std::chrono::milliseconds kBandwidthWait(20);
// At a time, where there is a bound: what fits some packets, and a turn of the others' soon.
constexpr int64_t kQuantum = 16 << 10;

}  // namespace

// A second's worth at once, so that short transfers do not wait.
void Bandwidth::Set(int64_t bytes_per_second) {
  bucket_ = TokenBucket(bytes_per_second, bytes_per_second);
}

int64_t Bandwidth::Available(int64_t wanted) {
  if (!bucket_.bounded()) return wanted;
  return bucket_.Available(std::min(wanted, kQuantum), MonotonicClock::now());
}

void Bandwidth::Await(absl::AnyInvocable<void()> go_on) {
  waiting_.push_back(std::move(go_on));
  Arm();
}

void Bandwidth::Arm() {
  if (timer_ != 0 || waiting_.empty()) return;
  timer_ = loop_.AddTimer(MonotonicClock::now() + kBandwidthWait, [this] {
    timer_ = 0;
    OnTimer();
  });
}

void Bandwidth::OnTimer() {
  // Each of those that wait now, once: who wants more goes to the end.
  for (size_t left = waiting_.size(); left > 0 && Available(kQuantum) > 0; --left) {
    absl::AnyInvocable<void()> go_on = std::move(waiting_.front());
    waiting_.pop_front();
    go_on();
  }
  Arm();
}

}  // namespace warren
