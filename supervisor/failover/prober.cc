#include "supervisor/failover/prober.h"

#include <utility>

namespace warren {

Prober::Prober(std::shared_ptr<Timers> timers, double pace,
               std::function<void(const std::shared_ptr<Member>&)> on_answered)
    : timers_(std::move(timers)), pace_(pace), on_answered_(std::move(on_answered)) {}

Prober::~Prober() {
  MutexLock lock(&mu_);
  for (auto& [member, probing] : probing_) {
    timers_->Cancel(probing.next);
    timers_->Cancel(probing.bound);
  }
}

void Prober::Watch(const std::shared_ptr<Member>& member) {
  {
    MutexLock lock(&mu_);
    probing_[member].watched = true;
  }
  Ask(member, nullptr);
}

void Prober::Unwatch(const std::shared_ptr<Member>& member) {
  MutexLock lock(&mu_);
  auto found = probing_.find(member);
  if (found == probing_.end()) return;
  found->second.watched = false;
  timers_->Cancel(std::exchange(found->second.next, 0));
  // One that is under way is still waited for.
  if (found->second.number == 0) probing_.erase(found);
}

void Prober::Ask(const std::shared_ptr<Member>& member, Done done) {
  const absl::Duration timeout = member->settings().probe_timeout * pace_;
  uint64_t number = 0;
  {
    MutexLock lock(&mu_);
    Probing& probing = probing_[member];
    if (done != nullptr) probing.waiting.push_back(std::move(done));
    if (probing.number != 0) return;
    number = probing.number = ++last_number_;
    probing.began = timers_->Now();
    timers_->Cancel(std::exchange(probing.next, 0));
    probing.bound = timers_->After(timeout, [self = weak_from_this(), member, number] {
      if (auto prober = self.lock()) {
        prober->OnAnswer(member, number,
                         absl::DeadlineExceededError("it does not answer within a probe's time"));
      }
    });
  }
  // Where its circuit is half open, this is the trial, and no create is let through meanwhile.
  member->TryPass(timers_->Now());
  Call call;
  call.deadline = timers_->WallNow() + timeout;
  member->backend().Probe(call, [self = weak_from_this(), timers = timers_, member,
                                 number](absl::StatusOr<ProbeAnswer> answer) {
    timers->Post([self, member, number, status = answer.status()]() mutable {
      if (auto prober = self.lock()) prober->OnAnswer(member, number, std::move(status));
    });
  });
}

void Prober::OnAnswer(const std::shared_ptr<Member>& member, uint64_t number, absl::Status answer) {
  std::vector<Done> waiting;
  MonotonicTime began;
  {
    MutexLock lock(&mu_);
    auto found = probing_.find(member);
    if (found == probing_.end() || found->second.number != number) return;
    Probing& probing = found->second;
    probing.number = 0;
    began = probing.began;
    timers_->Cancel(std::exchange(probing.bound, 0));
    waiting.swap(probing.waiting);
  }
  const MonotonicTime now = timers_->Now();
  absl::StatusOr<absl::Duration> latency = absl::FromChrono(now - began);
  if (!answer.ok()) latency = answer;
  member->OnProbed(now, latency);
  Schedule(member);
  for (Done& done : waiting) done(answer);
  on_answered_(member);
}

void Prober::Schedule(const std::shared_ptr<Member>& member) {
  const MonotonicTime now = timers_->Now();
  const absl::Duration delay = absl::FromChrono(member->NextProbe(now) - now);
  MutexLock lock(&mu_);
  auto found = probing_.find(member);
  if (found == probing_.end()) return;
  Probing& probing = found->second;
  // Somebody has asked anew.
  if (probing.number != 0) return;
  if (!probing.watched) {
    probing_.erase(found);
    return;
  }
  timers_->Cancel(probing.next);
  probing.next = timers_->After(delay, [self = weak_from_this(), member] {
    if (auto prober = self.lock()) prober->Ask(member, nullptr);
  });
}

}  // namespace warren
