#include "supervisor/failover/member.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

v1::BackendStatus::Circuit ToProto(Circuit::State state) {
  switch (state) {
    case Circuit::State::kClosed:
      return v1::BackendStatus::CLOSED;
    case Circuit::State::kOpen:
      return v1::BackendStatus::OPEN;
    case Circuit::State::kHalfOpen:
      return v1::BackendStatus::HALF_OPEN;
  }
  return v1::BackendStatus::CIRCUIT_UNSPECIFIED;
}

}  // namespace

Member::Member(MemberSpec spec)
    : name_(std::move(spec.name)),
      kind_(spec.kind),
      backend_(std::move(spec.backend)),
      circuit_(CircuitSettings::From(spec.circuit)),
      budget_(std::move(spec.budget)) {}

bool Member::Is(const MemberSpec& spec) const {
  return name_ == spec.name && kind_ == spec.kind && backend_ == spec.backend;
}

void Member::Configure(const MemberSpec& spec) {
  retired_ = false;
  MutexLock lock(&mu_);
  circuit_.Configure(CircuitSettings::From(spec.circuit));
  budget_ = spec.budget;
}

Circuit::Pass Member::TryPass(MonotonicTime now) {
  MutexLock lock(&mu_);
  return circuit_.TryPass(now);
}

void Member::EndTrial() {
  MutexLock lock(&mu_);
  circuit_.EndTrial();
}

Circuit::State Member::OpenOrClosed() const {
  return circuit_.retry_at().has_value() ? Circuit::State::kOpen : Circuit::State::kClosed;
}

void Member::Tell(Circuit::State before, Circuit::State after, const absl::Status& why) const {
  if (before == after) return;
  if (after == Circuit::State::kClosed) {
    spdlog::info("event=backend_up backend={}", name_);
  } else {
    spdlog::warn("event=backend_down backend={} reason=\"{}\"", name_,
                 absl::CEscape(why.message()));
  }
}

void Member::OnAnswered() {
  Circuit::State before;
  {
    MutexLock lock(&mu_);
    before = OpenOrClosed();
    circuit_.OnSuccess();
    problem_ = absl::OkStatus();
    probe_failed_ = false;
  }
  Tell(before, Circuit::State::kClosed, absl::OkStatus());
}

void Member::OnFailureLocked(MonotonicTime now, const absl::Status& why) {
  circuit_.OnFailure(now);
  problem_ = why;
}

void Member::OnFailure(MonotonicTime now, const absl::Status& why) {
  Circuit::State before;
  Circuit::State after;
  {
    MutexLock lock(&mu_);
    before = OpenOrClosed();
    OnFailureLocked(now, why);
    after = OpenOrClosed();
  }
  Tell(before, after, why);
}

void Member::OnProbed(MonotonicTime now, const absl::StatusOr<absl::Duration>& latency) {
  if (latency.ok()) {
    {
      MutexLock lock(&mu_);
      latency_ = *latency;
    }
    return OnAnswered();
  }
  {
    MutexLock lock(&mu_);
    probe_failed_ = true;
  }
  OnFailure(now, latency.status());
}

bool Member::down() const {
  MutexLock lock(&mu_);
  return OpenOrClosed() != Circuit::State::kClosed;
}

bool Member::lost() const {
  MutexLock lock(&mu_);
  return probe_failed_ && OpenOrClosed() != Circuit::State::kClosed;
}

absl::Status Member::problem() const {
  MutexLock lock(&mu_);
  return problem_;
}

CircuitSettings Member::settings() const {
  MutexLock lock(&mu_);
  return circuit_.settings();
}

MonotonicTime Member::NextProbe(MonotonicTime now) const {
  MutexLock lock(&mu_);
  const MonotonicTime usual = now + absl::ToChronoNanoseconds(circuit_.settings().probe);
  // So that the trial is the probe, and no client waits for it.
  return std::min(usual, std::max(now, circuit_.retry_at().value_or(usual)));
}

std::optional<BudgetState> Member::Budget() const {
  std::function<BudgetState()> budget;
  {
    MutexLock lock(&mu_);
    budget = budget_;
  }
  if (budget == nullptr) return std::nullopt;
  return budget();
}

v1::BackendStatus Member::Describe(MonotonicTime now, Probed probed) const {
  v1::BackendStatus status;
  status.set_name(name_);
  status.set_kind(kind_);
  status.set_creates(creates_);
  status.set_failures(failures_);
  status.set_passed_on(passed_on_);
  status.set_retired(retired_);
  if (const std::optional<BudgetState> budget = Budget()) {
    *status.mutable_budget_used() = warren::ToProto(budget->used);
    *status.mutable_budget() = warren::ToProto(budget->limit);
    if (budget->spent) status.set_problem(kBudgetSpent);
  }
  MutexLock lock(&mu_);
  status.set_circuit(ToProto(circuit_.state(now)));
  if ((probed == Probed::kNow && probe_failed_) || OpenOrClosed() != Circuit::State::kClosed)
    status.set_problem(std::string(problem_.message()));
  if (latency_.has_value()) *status.mutable_latency() = warren::ToProto(*latency_);
  return status;
}

}  // namespace warren
