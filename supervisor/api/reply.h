#ifndef WARREN_SUPERVISOR_API_REPLY_H_
#define WARREN_SUPERVISOR_API_REPLY_H_

#include "absl/status/status.h"
#include "grpcpp/support/server_callback.h"
#include "supervisor/api/convert.h"

namespace warren {

// Ends a unary call in place.
inline grpc::ServerUnaryReactor* Reply(grpc::CallbackServerContext* context,
                                       const grpc::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}
inline grpc::ServerUnaryReactor* Reply(grpc::CallbackServerContext* context,
                                       const absl::Status& status) {
  return Reply(context, ToGrpc(status));
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_REPLY_H_
