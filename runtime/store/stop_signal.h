#ifndef WARREN_RUNTIME_STORE_STOP_SIGNAL_H_
#define WARREN_RUNTIME_STORE_STOP_SIGNAL_H_

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// Told once to all who work: end. Thread-safe.
class StopSignal {
 public:
  static absl::StatusOr<std::unique_ptr<StopSignal>> Create();

  void Stop();
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  // CANCELLED where it is.
  absl::Status Check() const;
  // Readable from then on, for who waits in poll.
  int fd() const { return event_.get(); }

 private:
  explicit StopSignal(UniqueFd event) : event_(std::move(event)) {}

  UniqueFd event_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STOP_SIGNAL_H_
