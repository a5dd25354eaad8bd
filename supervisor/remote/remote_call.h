#ifndef WARREN_SUPERVISOR_REMOTE_REMOTE_CALL_H_
#define WARREN_SUPERVISOR_REMOTE_REMOTE_CALL_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/remote/stamp.h"
#include "supervisor/remote/stubs.h"

namespace warren {

// A status as the remote Warren gave it. What gRPC says of itself is put into words of our own, for
// its text names addresses; all that can be wrong with a connection is UNAVAILABLE. It names the
// backend, as whoever asked may not know which one his sandbox lives on. After the call.
absl::Status FromGrpc(const RemoteStubs& stubs, const grpc::ClientContext& context,
                      const grpc::Status& status);

inline void Prepare(grpc::ClientContext& context, const RemoteStubs& stubs, const Call& call) {
  if (!stubs.key.empty()) context.AddMetadata("x-api-key", stubs.key);
  if (call.deadline != absl::InfiniteFuture()) {
    context.set_deadline(absl::ToChronoTime(call.deadline));
  }
  if (!call.who.is_operator()) context.AddMetadata(kTenantMetadata, call.who.tenant);
}

// One call with one answer on its way. Kept by gRPC until it is answered, and by whoever may cancel
// it.
template <class Request, class Response>
struct RemoteCall {
  grpc::ClientContext context;
  Request request;
  Response response;
  Reply<Response> reply;
};

// Calls `start(context, request, response, done)`, which is a method of an asynchronous stub. The
// reply comes on a thread of gRPC's.
template <class Response, class Request, class Start>
std::shared_ptr<RemoteCall<Request, Response>> StartCall(std::shared_ptr<const RemoteStubs> stubs,
                                                         const Call& call, Request request,
                                                         Reply<Response> reply, Start start) {
  auto pending = std::make_shared<RemoteCall<Request, Response>>();
  Prepare(pending->context, *stubs, call);
  pending->request = std::move(request);
  pending->reply = std::move(reply);
  start(&pending->context, &pending->request, &pending->response,
        std::function<void(grpc::Status)>([pending, stubs](const grpc::Status& status) {
          if (!status.ok()) return pending->reply(FromGrpc(*stubs, pending->context, status));
          Stamp(stubs->name, pending->response);
          pending->reply(std::move(pending->response));
        }));
  return pending;
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_REMOTE_CALL_H_
