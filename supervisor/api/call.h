#ifndef WARREN_SUPERVISOR_API_CALL_H_
#define WARREN_SUPERVISOR_API_CALL_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "grpcpp/alarm.h"
#include "supervisor/backend/backend.h"

namespace warren {

// A request on its way to a sandbox: the sandbox is opened, and then `next(handle, call, request)`
// called, once. In place where Open answers in place; else on a thread of gRPC's, for a Reply must
// not call the backend.
template <class Request, class Next>
class Opening : public std::enable_shared_from_this<Opening<Request, Next>> {
 public:
  Opening(Call call, Request request, Next next)
      : call_(std::move(call)), request_(std::move(request)), next_(std::move(next)) {}

  void Start(Backend& backend) {
    backend.Open(
        call_, request_.sandbox_id(),
        [self = this->shared_from_this()](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
          self->handle_ = std::move(handle);
          // Start may be over, and then it is ours to go on.
          if (self->step_.exchange(Step::kAnswered) == Step::kReturned) self->Hop();
        });
    if (step_.exchange(Step::kReturned) == Step::kAnswered) GoOn();
  }

 private:
  enum class Step { kAsked, kAnswered, kReturned };

  void GoOn() { next_(std::move(handle_), call_, std::move(request_)); }
  void Hop() {
    alarm_.emplace();
    // The alarm keeps its function, and with it `self`, which owns the alarm: so it is moved out.
    alarm_->Set(std::chrono::system_clock::now(), [self = this->shared_from_this()](bool) mutable {
      std::exchange(self, {})->GoOn();
    });
  }

  const Call call_;
  Request request_;
  Next next_;
  absl::StatusOr<std::shared_ptr<SandboxHandle>> handle_;
  std::atomic<Step> step_{Step::kAsked};
  std::optional<grpc::Alarm> alarm_;
};

template <class Request, class Next>
void OpenSandbox(Backend& backend, Call call, Request request, Next next) {
  std::make_shared<Opening<Request, Next>>(std::move(call), std::move(request), std::move(next))
      ->Start(backend);
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_CALL_H_
