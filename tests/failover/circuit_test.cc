// When a backend gets creates.
#include "supervisor/failover/circuit.h"

#include "gtest/gtest.h"

namespace warren {
namespace {

using Pass = Circuit::Pass;
using State = Circuit::State;

constexpr MonotonicTime kStart{std::chrono::hours(1)};

MonotonicTime At(absl::Duration after) { return kStart + absl::ToChronoNanoseconds(after); }

TEST(CircuitSettingsTest, WhatIsLeftOutIsTheDefault) {
  const CircuitSettings settings = CircuitSettings::From({});
  EXPECT_EQ(settings.failures, 3);
  EXPECT_EQ(settings.retry, absl::Seconds(2));
  EXPECT_EQ(settings.probe, absl::Seconds(5));
  EXPECT_EQ(settings.probe_timeout, absl::Milliseconds(500));
  config::Circuit circuit;
  circuit.set_failures(1);
  circuit.set_retry_ms(100);
  circuit.set_probe_ms(700);
  circuit.set_probe_timeout_ms(200);
  const CircuitSettings set = CircuitSettings::From(circuit);
  EXPECT_EQ(set.failures, 1);
  EXPECT_EQ(set.retry, absl::Milliseconds(100));
  EXPECT_EQ(set.probe, absl::Milliseconds(700));
  EXPECT_EQ(set.probe_timeout, absl::Milliseconds(200));
}

TEST(CircuitTest, FailuresInARowOpenIt) {
  Circuit circuit{CircuitSettings()};
  for (int round = 0; round < 3; ++round) {
    circuit.OnFailure(kStart);
    circuit.OnFailure(kStart);
    EXPECT_EQ(circuit.TryPass(kStart), Pass::kYes);
    circuit.OnSuccess();
  }
  for (int i = 0; i < 3; ++i) circuit.OnFailure(kStart);
  EXPECT_EQ(circuit.state(kStart), State::kOpen);
  EXPECT_EQ(circuit.TryPass(At(absl::Milliseconds(1999))), Pass::kNo);
  EXPECT_EQ(circuit.retry_at(), At(absl::Seconds(2)));
}

TEST(CircuitTest, OneTrialAtATime) {
  Circuit circuit{CircuitSettings()};
  for (int i = 0; i < 3; ++i) circuit.OnFailure(kStart);
  const MonotonicTime later = At(absl::Seconds(2));
  EXPECT_EQ(circuit.state(later), State::kHalfOpen);
  EXPECT_EQ(circuit.TryPass(later), Pass::kTrial);
  EXPECT_EQ(circuit.TryPass(later), Pass::kNo);
  // It said nothing of the backend.
  circuit.EndTrial();
  EXPECT_EQ(circuit.TryPass(later), Pass::kTrial);
  circuit.OnSuccess();
  EXPECT_EQ(circuit.state(later), State::kClosed);
  EXPECT_EQ(circuit.TryPass(later), Pass::kYes);
  EXPECT_EQ(circuit.TryPass(later), Pass::kYes);
  EXPECT_FALSE(circuit.retry_at().has_value());
}

TEST(CircuitTest, EachFailedTrialDoublesTheTimeUpToAMinute) {
  Circuit circuit{CircuitSettings()};
  for (int i = 0; i < 3; ++i) circuit.OnFailure(kStart);
  MonotonicTime now = kStart;
  for (int seconds : {2, 4, 8, 16, 32, 60, 60}) {
    ASSERT_EQ(circuit.retry_at(), now + std::chrono::seconds(seconds));
    // What failed before tells nothing new.
    circuit.OnFailure(now);
    ASSERT_EQ(circuit.retry_at(), now + std::chrono::seconds(seconds));
    now += std::chrono::seconds(seconds);
    ASSERT_EQ(circuit.TryPass(now), Pass::kTrial);
    circuit.OnFailure(now);
    EXPECT_EQ(circuit.TryPass(now), Pass::kNo);
  }
  // Once it was well it begins anew.
  circuit.OnSuccess();
  for (int i = 0; i < 3; ++i) circuit.OnFailure(now);
  EXPECT_EQ(circuit.retry_at(), now + std::chrono::seconds(2));
  EXPECT_EQ(circuit.TryPass(now + std::chrono::seconds(2)), Pass::kTrial);
}

}  // namespace
}  // namespace warren
