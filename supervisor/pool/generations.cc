#include "supervisor/pool/generations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// A generation that lived this long shows that starting works: the back-off begins anew.
constexpr std::chrono::seconds kProven{60};

}  // namespace

bool Generations::WantsStart(MonotonicTime now) const {
  if (starting_ || now < not_before_) return false;
  return !current_ || now - current_->started >= bounds_.max_age ||
         current_->forks >= bounds_.max_forks;
}

void Generations::Started(uint64_t zygote_id, MonotonicTime now) {
  starting_ = false;
  last_error_ = absl::OkStatus();
  ++number_;
  if (current_) retiring_.push_back(*current_);
  current_ = Generation{zygote_id, now};
}

void Generations::BackOff(MonotonicTime now) {
  back_off_ = std::clamp(back_off_ * 2, kFirstBackOff, kLongestBackOff);
  not_before_ = now + back_off_;
}

void Generations::StartFailed(absl::Status why, MonotonicTime now) {
  starting_ = false;
  last_error_ = std::move(why);
  BackOff(now);
}

bool Generations::Exited(uint64_t zygote_id, MonotonicTime now) {
  if (current_ && current_->zygote_id == zygote_id) {
    if (now - current_->started >= kProven) back_off_ = std::chrono::milliseconds(0);
    current_.reset();
    // The first death is followed by a new start at once; a series of them is not.
    if (back_off_.count() == 0) {
      back_off_ = kFirstBackOff / 2;
    } else {
      BackOff(now);
    }
    return true;
  }
  auto dead = std::find_if(retiring_.begin(), retiring_.end(),
                           [&](const Generation& old) { return old.zygote_id == zygote_id; });
  if (dead == retiring_.end()) return false;
  retiring_.erase(dead);
  return true;
}

void Generations::BeginFork() {
  ++current_->forks;
  ++current_->in_flight;
}

void Generations::EndFork(uint64_t zygote_id) {
  if (current_ && current_->zygote_id == zygote_id) {
    --current_->in_flight;
    return;
  }
  for (Generation& old : retiring_) {
    if (old.zygote_id == zygote_id) --old.in_flight;
  }
}

std::vector<uint64_t> Generations::TakeFinished() {
  std::vector<uint64_t> finished;
  for (const Generation& old : retiring_) {
    if (old.in_flight == 0) finished.push_back(old.zygote_id);
  }
  retiring_.erase(std::remove_if(retiring_.begin(), retiring_.end(),
                                 [](const Generation& old) { return old.in_flight == 0; }),
                  retiring_.end());
  return finished;
}

std::optional<MonotonicTime> Generations::NextChange(MonotonicTime now) const {
  if (starting_) return std::nullopt;
  if (now < not_before_) return not_before_;
  if (current_) return current_->started + bounds_.max_age;
  return std::nullopt;
}

absl::Status Generations::Hindrance(MonotonicTime now) const {
  if (current_ || starting_ || now >= not_before_ || last_error_.ok()) return absl::OkStatus();
  return absl::Status(
      last_error_.code(),
      absl::StrCat(last_error_.message(), " (the next attempt is in ",
                   std::chrono::ceil<std::chrono::seconds>(not_before_ - now).count(), " s)"));
}

}  // namespace warren
