#ifndef WARREN_SUPERVISOR_FAILOVER_ANSWERED_WITHIN_H_
#define WARREN_SUPERVISOR_FAILOVER_ANSWERED_WITHIN_H_

#include <memory>
#include <utility>

#include "supervisor/backend/backend.h"
#include "supervisor/failover/timers.h"

namespace warren {

// A reply to give to a backend: `reply` is called once, on the timers' thread, with the backend's
// answer, or with DEADLINE_EXCEEDED after `patience`, whatever the backend does then.
template <class T>
Reply<T> AnsweredWithin(const std::shared_ptr<Timers>& timers, absl::Duration patience,
                        Reply<T> reply) {
  // After it is made it is the timers' thread's alone.
  struct Waiting {
    Reply<T> reply;
    TimerId timer = 0;
  };
  auto waiting = std::make_shared<Waiting>();
  waiting->reply = std::move(reply);
  waiting->timer = timers->After(patience, [waiting] {
    if (Reply<T> late = std::exchange(waiting->reply, nullptr)) {
      late(absl::DeadlineExceededError("it does not answer"));
    }
  });
  return [timers, waiting](absl::StatusOr<T> answer) {
    timers->Post([timers = timers.get(), waiting, answer = std::move(answer)]() mutable {
      timers->Cancel(waiting->timer);
      if (Reply<T> there = std::exchange(waiting->reply, nullptr)) there(std::move(answer));
    });
  };
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_ANSWERED_WITHIN_H_
