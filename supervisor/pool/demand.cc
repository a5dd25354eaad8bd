#include "supervisor/pool/demand.h"

#include <cmath>

namespace warren {
namespace {

constexpr double kRateSeconds = 10;
constexpr double kShortageHalfLifeSeconds = 60;
constexpr double kHeadroom = 2;
// Weight of a new latency in the average.
constexpr double kLatencyWeight = 0.2;
// Below this an average is noise: a single create a minute ago is no demand.
constexpr double kNegligible = 0.2;

double Seconds(MonotonicTime::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

double Demand::RateAt(MonotonicTime now) const {
  return rate_ * std::exp(-Seconds(now - rate_time_) / kRateSeconds);
}

double Demand::ShortageAt(MonotonicTime now) const {
  return shortage_ * std::exp2(-Seconds(now - shortage_time_) / kShortageHalfLifeSeconds);
}

void Demand::NoteCreate(MonotonicTime now) {
  rate_ = RateAt(now) + 1 / kRateSeconds;
  rate_time_ = now;
}

void Demand::NoteWaiting(int waiting, MonotonicTime now) {
  if (waiting <= ShortageAt(now)) return;
  shortage_ = waiting;
  shortage_time_ = now;
}

void Demand::NoteMade(std::chrono::nanoseconds latency) {
  latency_ = std::chrono::nanoseconds(
      static_cast<int64_t>((1 - kLatencyWeight) * static_cast<double>(latency_.count()) +
                           kLatencyWeight * static_cast<double>(latency.count())));
}

int Demand::Extra(MonotonicTime now) const {
  double by_rate = kHeadroom * RateAt(now) * std::chrono::duration<double>(latency_).count();
  double by_shortage = ShortageAt(now);
  double extra =
      (by_rate < kNegligible ? 0 : by_rate) + (by_shortage < kNegligible ? 0 : by_shortage);
  return static_cast<int>(std::ceil(extra));
}

}  // namespace warren
