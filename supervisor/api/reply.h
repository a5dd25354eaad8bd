#ifndef WARREN_SUPERVISOR_API_REPLY_H_
#define WARREN_SUPERVISOR_API_REPLY_H_

#include "absl/status/status.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/api/convert.h"
#include "supervisor/backend/backend.h"

namespace warren {

// Ends a unary call in place.
inline grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                        const grpc::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}
inline grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                        const absl::Status& status) {
  return Finish(context, ToGrpc(status));
}

// Answers a unary call with what the backend answers.
template <class Response>
warren::Reply<Response> Answer(grpc::ServerUnaryReactor* reactor, Response* response) {
  return [reactor, response](absl::StatusOr<Response> result) {
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(ToGrpc(result.status()));
  };
}

// Goes on with `use` when there is such a sandbox.
template <class Use>
grpc::ServerUnaryReactor* WithSandbox(grpc::CallbackServerContext* context, Backend& backend,
                                      const std::string& sandbox_id, Use use) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  backend.Open(Call(), sandbox_id,
               [reactor, use](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
                 if (!handle.ok()) return reactor->Finish(ToGrpc(handle.status()));
                 use(**handle, reactor);
               });
  return reactor;
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_REPLY_H_
