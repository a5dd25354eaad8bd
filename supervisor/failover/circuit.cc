#include "supervisor/failover/circuit.h"

#include <algorithm>

namespace warren {
namespace {

constexpr absl::Duration kLongestRetry = absl::Seconds(60);

void SetMillis(int32_t millis, absl::Duration& to) {
  if (millis > 0) to = absl::Milliseconds(millis);
}

}  // namespace

CircuitSettings CircuitSettings::From(const config::Circuit& circuit) {
  CircuitSettings settings;
  if (circuit.failures() > 0) settings.failures = circuit.failures();
  SetMillis(circuit.retry_ms(), settings.retry);
  SetMillis(circuit.probe_ms(), settings.probe);
  SetMillis(circuit.probe_timeout_ms(), settings.probe_timeout);
  return settings;
}

Circuit::Circuit(const CircuitSettings& settings) : settings_(settings) {}

Circuit::State Circuit::state(MonotonicTime now) const {
  if (!open_) return State::kClosed;
  return now < retry_at_ ? State::kOpen : State::kHalfOpen;
}

Circuit::Pass Circuit::TryPass(MonotonicTime now) {
  if (!open_) return Pass::kYes;
  if (now < retry_at_ || trial_) return Pass::kNo;
  trial_ = true;
  return Pass::kTrial;
}

void Circuit::OnSuccess() {
  open_ = false;
  trial_ = false;
  failures_ = 0;
}

void Circuit::OnFailure(MonotonicTime now) {
  if (!open_) {
    if (++failures_ < settings_.failures) return;
    open_ = true;
    delay_ = settings_.retry;
  } else if (now < retry_at_) {
    return;
  } else {
    delay_ = std::min(delay_ * 2, kLongestRetry);
  }
  trial_ = false;
  retry_at_ = now + absl::ToChronoNanoseconds(delay_);
}

std::optional<MonotonicTime> Circuit::retry_at() const {
  if (!open_) return std::nullopt;
  return retry_at_;
}

}  // namespace warren
