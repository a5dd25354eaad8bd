#include "supervisor/session/read_turns.h"

#include <algorithm>

namespace warren {

size_t ReadTurns::Allowance(Turn& turn, MonotonicTime now) {
  if (!OthersAtWork(turn, now)) return kUnbounded;
  BeginSlices(turn, now);
  const size_t left =
      (kShare - std::min(kShare, turn.bytes_)) + (kCommon - std::min(kCommon, common_bytes_));
  return std::max(left, kLeast);
}

std::optional<MonotonicTime> ReadTurns::OnRead(Turn& turn, size_t bytes, MonotonicTime now) {
  BeginSlices(turn, now);
  turn.bytes_ += bytes;
  if (turn.bytes_ <= kShare) {
    if (!turn.flooded_) NoteAtWork(turn, now);
    return std::nullopt;
  }
  const size_t beyond = std::min(bytes, turn.bytes_ - kShare);
  common_bytes_ += beyond;
  if (common_bytes_ < kCommon || !OthersAtWork(turn, now)) return std::nullopt;
  const size_t overdrawn = std::min(beyond, common_bytes_ - kCommon);
  return common_began_ + slice_ * static_cast<int>(1 + overdrawn / kShare);
}

void ReadTurns::BeginSlices(Turn& turn, MonotonicTime now) {
  if (now - common_began_ >= slice_) {
    common_began_ = now;
    common_bytes_ = 0;
  }
  const auto since = now - turn.began_;
  if (since < slice_) return;
  turn.flooded_ = turn.bytes_ > kShare && since < at_work_;
  turn.began_ = now;
  turn.bytes_ = 0;
}

bool ReadTurns::OthersAtWork(const Turn& turn, MonotonicTime now) const {
  const AtWork& other = last_.who == &turn ? other_ : last_;
  return other.who != nullptr && now - other.when < at_work_;
}

void ReadTurns::NoteAtWork(const Turn& turn, MonotonicTime now) {
  if (last_.who != &turn) other_ = last_;
  last_ = {&turn, now};
}

}  // namespace warren
