#include "supervisor/base/memory_budget.h"

namespace warren {

bool MemoryBudget::TryAdd(int64_t bytes) {
  // Not added first and taken back: in between, others that fit would be refused. So it is only in
  // a part, where the whole has no room.
  int64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used + bytes > limit_) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  if (whole_ == nullptr || whole_->TryAdd(bytes)) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

void MemoryBudget::Add(int64_t bytes) {
  if (whole_ != nullptr) whole_->Add(bytes);
  used_.fetch_add(bytes, std::memory_order_relaxed);
}

void MemoryBudget::Remove(int64_t bytes) {
  if (whole_ != nullptr) whole_->Remove(bytes);
  used_.fetch_sub(bytes, std::memory_order_relaxed);
}

absl::Status NoRoom() {
  return absl::ResourceExhaustedError(
      "the server's memory for what waits is used up (--buffer-memory); try again later");
}

bool MemoryCharge::TryAdd(int64_t bytes) {
  if (budget_ != nullptr && !budget_->TryAdd(bytes)) return false;
  bytes_ += bytes;
  return true;
}

void MemoryCharge::Add(int64_t bytes) {
  if (budget_ != nullptr) budget_->Add(bytes);
  bytes_ += bytes;
}

void MemoryCharge::Remove(int64_t bytes) {
  if (budget_ != nullptr && bytes != 0) budget_->Remove(bytes);
  bytes_ -= bytes;
}

}  // namespace warren
