#include "runtime/fetcher/page_turns.h"

#include "runtime/fetcher/times.h"

namespace warren {

PageTurns::Turn::Turn(PageTurns& turns, const std::function<bool()>& is_gone) : turns_(turns) {
  std::unique_lock<std::mutex> lock(turns_.mu_);
  while (turns_.left_ == 0) {
    if (is_gone()) return;
    turns_.changed_.wait_for(lock, kClientLook);
  }
  --turns_.left_;
  taken_ = true;
}

PageTurns::Turn::~Turn() {
  if (!taken_) return;
  const std::lock_guard<std::mutex> lock(turns_.mu_);
  ++turns_.left_;
  turns_.changed_.notify_one();
}

}  // namespace warren
