#ifndef WARREN_SUPERVISOR_BASE_MEMORY_BUDGET_H_
#define WARREN_SUPERVISOR_BASE_MEMORY_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"

namespace warren {

// A bound on memory that many hold together, none of whom is large alone: waiting code, output that
// its reader has not taken, what is kept for a client that comes back. A part of it can be a budget
// of its own, whose bytes count in the whole too.
//
// Thread-safe, without a lock: a charge is an atomic exchange. What it counts is what its users
// say.
class MemoryBudget {
 public:
  explicit MemoryBudget(int64_t limit, MemoryBudget* whole = nullptr)
      : limit_(limit), whole_(whole) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // False, and nothing is charged, when it would be over the limit, here or in the whole.
  bool TryAdd(int64_t bytes);
  // What is there already, whether it fits or not: whoever asks next is refused.
  void Add(int64_t bytes);
  void Remove(int64_t bytes);

  int64_t limit() const { return limit_; }
  int64_t used() const { return used_.load(std::memory_order_relaxed); }
  bool exhausted() const { return used() >= limit_ || (whole_ != nullptr && whole_->exhausted()); }

 private:
  const int64_t limit_;
  MemoryBudget* const whole_;
  std::atomic<int64_t> used_{0};
};

// RESOURCE_EXHAUSTED, in the words of who is refused.
absl::Status NoRoom();
// That, where the budget is used up.
inline absl::Status CheckRoom(const MemoryBudget& budget) {
  return budget.exhausted() ? NoRoom() : absl::OkStatus();
}

// Bytes charged to a budget for as long as this lives. Thread-compatible; the budget outlives it.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  // Charges nothing yet.
  explicit MemoryCharge(MemoryBudget* budget) : budget_(budget) {}
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    if (this == &other) return *this;
    Clear();
    budget_ = other.budget_;
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  ~MemoryCharge() { Clear(); }

  bool TryAdd(int64_t bytes);
  void Add(int64_t bytes);
  void Remove(int64_t bytes);
  // As Add or Remove, to come to this.
  void Set(int64_t bytes) { bytes > bytes_ ? Add(bytes - bytes_) : Remove(bytes_ - bytes); }
  void Clear() { Remove(bytes_); }
  int64_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_MEMORY_BUDGET_H_
