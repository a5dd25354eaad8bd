#include "runtime/store/stop_signal.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "runtime/base/status.h"

namespace warren {

absl::StatusOr<std::unique_ptr<StopSignal>> StopSignal::Create() {
  UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return Errno("eventfd");
  return std::unique_ptr<StopSignal>(new StopSignal(std::move(event)));
}

void StopSignal::Stop() {
  stopped_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  // It cannot fail: nobody takes from it, and it is told once.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

absl::Status StopSignal::Check() const {
  return stopped() ? absl::CancelledError("the package store ends") : absl::OkStatus();
}

}  // namespace warren
