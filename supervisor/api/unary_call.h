#ifndef WARREN_SUPERVISOR_API_UNARY_CALL_H_
#define WARREN_SUPERVISOR_API_UNARY_CALL_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/api/call.h"
#include "supervisor/api/callers.h"
#include "supervisor/api/message.h"
#include "supervisor/api/status.h"
#include "supervisor/backend/backend.h"

namespace warren {

// One call with one answer. It deletes itself when gRPC is done with it, which is never before the
// method that made it has returned.
template <class Response>
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* response)
      : context_(context), response_(response) {}

  // Once, from any thread.
  void Answer(const absl::StatusOr<Response>& answer) {
    absl::Status status = answer.ok() ? Serialize(*answer, *response_) : answer.status();
    Finish(ToGrpc(*context_, status));
  }
  Reply<Response> reply() {
    return [this](absl::StatusOr<Response> answer) { Answer(answer); };
  }
  // What the client's disappearance cancels. Only within the method that made the call.
  void Attach(std::unique_ptr<Operation> operation) { operation_ = std::move(operation); }
  // What is done at the end where the client went before it had the answer. Only before Answer.
  void IfUnheard(absl::AnyInvocable<void()> undo) { undo_ = std::move(undo); }

  void OnCancel() override {
    unheard_.store(true);
    if (operation_ != nullptr) operation_->Cancel();
  }
  void OnDone() override {
    if (undo_ != nullptr && unheard_.load()) undo_();
    delete this;
  }

 private:
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  std::unique_ptr<Operation> operation_;
  absl::AnyInvocable<void()> undo_;
  std::atomic<bool> unheard_{false};
};

// Asks who calls, parses the request and calls `start(call, request, unary)`, which sees to the
// answer.
template <class Request, class Response, class Start>
grpc::ServerUnaryReactor* Unary(const Callers& callers, grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response,
                                Start start) {
  auto* unary = new UnaryCall<Response>(context, response);
  Request request;
  absl::StatusOr<Call> call = callers.MakeCall(*context);
  if (!call.ok()) {
    unary->Answer(call.status());
  } else if (absl::Status valid = Parse(*bytes, request); !valid.ok()) {
    unary->Answer(valid);
  } else {
    start(*std::move(call), std::move(request), *unary);
  }
  return unary;
}

// The same for a request to a sandbox: calls `method(handle, call, request, reply)`.
template <class Request, class Response, class Method>
grpc::ServerUnaryReactor* UnaryOnSandbox(const Callers& callers, Backend& backend,
                                         grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response,
                                         Method method) {
  return Unary<Request, Response>(
      callers, context, bytes, response,
      [&](Call call, Request request, UnaryCall<Response>& unary) {
        OpenSandbox(backend, std::move(call), std::move(request),
                    [method, &unary](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle,
                                     const Call& opened, Request what) {
                      if (!handle.ok()) return unary.Answer(handle.status());
                      method(**handle, opened, what, unary.reply());
                    });
      });
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_UNARY_CALL_H_
