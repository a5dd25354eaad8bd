#ifndef WARREN_RUNTIME_STORE_STORE_DOOR_H_
#define WARREN_RUNTIME_STORE_STORE_DOOR_H_

#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "warren/internal/store.pb.h"

namespace warren {

// The store's end of the supervisor's socket. What the supervisor does not take waits, in order.
//
// For the loop's thread. Lifecycle: constructor → Start → destructor, with the loop at its end.
class StoreDoor {
 public:
  // `socket` comes with `add_package` alone.
  using OnRequest = std::function<void(internal::StoreRequest request, UniqueFd socket)>;

  StoreDoor(IoLoop& loop, UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {}

  // `on_end`: the supervisor has gone, or says what cannot be understood.
  absl::Status Start(OnRequest on_request, std::function<void(absl::Status)> on_end);
  void Reply(const internal::StoreReply& reply);
  // Without a body.
  void Reply(uint64_t id, const absl::Status& status);

 private:
  void OnReady(uint32_t events);
  void Read();
  void Flush();

  IoLoop& loop_;
  UniqueFd socket_;
  OnRequest on_request_;
  std::function<void(absl::Status)> on_end_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  uint32_t watched_ = 0;
  std::deque<std::string> unsent_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_DOOR_H_
