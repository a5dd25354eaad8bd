#include "runtime/store/space.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr int64_t kBlockBytes = 4096;

}  // namespace

int64_t BlocksOf(int64_t bytes) {
  return std::max<int64_t>((bytes + kBlockBytes - 1) / kBlockBytes, 1) * kBlockBytes;
}

absl::Status Space::Reserve(int64_t bytes) {
  std::unique_lock<std::mutex> lock(mu_);
  // Who waits comes first.
  if (asked_.empty() && used_ + bytes <= max_bytes_) {
    used_ += bytes;
    return absl::OkStatus();
  }
  Asked asked{bytes};
  asked_.push_back(&asked);
  lock.unlock();
  on_asked_();
  lock.lock();
  answered_.wait(lock, [&] { return stopped_ || asked.answer != Answer::kNone; });
  if (asked.answer == Answer::kGranted) return absl::OkStatus();
  if (asked.answer == Answer::kRefused) {
    return absl::ResourceExhaustedError(absl::StrCat("the package store is full: it may hold ",
                                                     max_bytes_,
                                                     " bytes, and what is in use leaves no room"));
  }
  std::erase(asked_, &asked);
  return absl::CancelledError("the package store ends");
}

void Space::Add(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mu_);
  used_ += bytes;
}

void Space::Release(int64_t bytes) {
  const std::lock_guard<std::mutex> lock(mu_);
  used_ -= bytes;
}

void Space::Serve(absl::FunctionRef<bool(int64_t)> make_room) {
  std::unique_lock<std::mutex> lock(mu_);
  while (!asked_.empty()) {
    Asked& first = *asked_.front();
    const auto missing = [&] { return used_ + first.bytes - max_bytes_; };
    if (missing() > 0) {
      const int64_t wanted = missing();
      lock.unlock();
      const bool coming = make_room(wanted);
      lock.lock();
      if (coming) break;
    }
    // Others may have given back what they held meanwhile.
    const bool fits = missing() <= 0;
    if (fits) used_ += first.bytes;
    first.answer = fits ? Answer::kGranted : Answer::kRefused;
    asked_.pop_front();
  }
  lock.unlock();
  answered_.notify_all();
}

void Space::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mu_);
    stopped_ = true;
  }
  answered_.notify_all();
}

int64_t Space::used() const {
  const std::lock_guard<std::mutex> lock(mu_);
  return used_;
}

absl::Status SpaceHold::Grow(int64_t bytes) {
  WARREN_RETURN_IF_ERROR(space_.Reserve(bytes));
  held_ += bytes;
  return absl::OkStatus();
}

int64_t SpaceHold::Keep() { return std::exchange(held_, 0); }

}  // namespace warren
