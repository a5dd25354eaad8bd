#ifndef WARREN_RUNTIME_RELAY_BANDWIDTH_H_
#define WARREN_RUNTIME_RELAY_BANDWIDTH_H_

#include <deque>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "runtime/loop/io_loop.h"
#include "runtime/relay/token_bucket.h"

namespace warren {

// What all connections of a sandbox may carry in one direction. Who finds nothing left waits in
// turn behind the others, and takes a little at a time: so that none of them has it all.
//
// For the loop's thread.
class Bandwidth {
 public:
  explicit Bandwidth(IoLoop& loop) : loop_(loop) {}
  ~Bandwidth() { loop_.CancelTimer(timer_); }
  Bandwidth(const Bandwidth&) = delete;
  Bandwidth& operator=(const Bandwidth&) = delete;

  // 0: without a bound. From now on.
  void Set(int64_t bytes_per_second);
  // How many of `wanted` bytes may be carried now.
  int64_t Available(int64_t wanted);
  void Spend(int64_t bytes) { bucket_.Spend(bytes); }
  // Calls once, when it is the caller's turn. It must not be destroyed by that.
  void Await(absl::AnyInvocable<void()> go_on);

 private:
  void OnTimer();
  void Arm();

  IoLoop& loop_;
  TokenBucket bucket_{0, 0};
  std::deque<absl::AnyInvocable<void()>> waiting_;
  TimerId timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_BANDWIDTH_H_
