#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_WAKER_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_WAKER_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "runtime/base/mutex.h"
#include "supervisor/gateway/http/async.h"

namespace warren {

// What wakes a coroutine from the backend's threads, until Stop: nothing is posted to the gateway's
// threads after it, which may be gone by then. Thread-safe.
class Waker {
 public:
  explicit Waker(std::shared_ptr<Signal> signal) : signal_(std::move(signal)) {}

  void Notify() {
    MutexLock lock(&mu_);
    if (signal_ != nullptr) signal_->Notify();
  }
  void Stop() {
    MutexLock lock(&mu_);
    signal_ = nullptr;
  }

 private:
  Mutex mu_;
  std::shared_ptr<Signal> signal_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_WAKER_H_
