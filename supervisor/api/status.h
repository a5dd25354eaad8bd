#ifndef WARREN_SUPERVISOR_API_STATUS_H_
#define WARREN_SUPERVISOR_API_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"

namespace warren {

// The status as it travels: a short message, UTF-8. Where it is not OK, marks the call's trailing
// metadata as spoken by a Warren (kStatusMark), so it comes before the call is finished.
grpc::Status ToGrpc(grpc::ServerContextBase& context, const absl::Status& status);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_STATUS_H_
