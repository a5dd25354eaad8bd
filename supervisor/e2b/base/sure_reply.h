#ifndef WARREN_SUPERVISOR_E2B_BASE_SURE_REPLY_H_
#define WARREN_SUPERVISOR_E2B_BASE_SURE_REPLY_H_

#include <memory>
#include <utility>

#include "supervisor/backend/backend.h"

namespace warren {

// A reply that is answered in any case: where it is dropped, because the backend goes, as
// UNAVAILABLE.
template <class T>
Reply<T> SureReply(Reply<T> reply) {
  struct Pending {
    explicit Pending(Reply<T> to_answer) : reply(std::move(to_answer)) {}
    ~Pending() {
      if (reply) reply(absl::UnavailableError("the backend is being shut down"));
    }
    Reply<T> reply;
  };
  return [pending = std::make_unique<Pending>(std::move(reply))](absl::StatusOr<T> answer) mutable {
    std::exchange(pending->reply, nullptr)(std::move(answer));
  };
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_SURE_REPLY_H_
