#ifndef WARREN_SUPERVISOR_API_CALLERS_H_
#define WARREN_SUPERVISOR_API_CALLERS_H_

#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "supervisor/backend/backend.h"
#include "supervisor/keys/key_store.h"

namespace warren {

// Who calls at the gRPC door. A key comes as `authorization: Bearer KEY` or as `x-api-key: KEY`,
// and stands for its tenant. Without one a call is the operator's at a Unix socket, which the
// operator's people alone can open; and over TCP for as long as no key is demanded
// (KeyStore::Demanded), when TCP is this host's loopback. The operator may call for a tenant, which
// kTenantMetadata names.
//
// Thread-safe.
class Callers {
 public:
  // They outlive it.
  explicit Callers(KeyStore& keys) : keys_(keys) {}

  // What the backend hears of a gRPC call beside its request. Before anything of that is read.
  // UNAUTHENTICATED; PERMISSION_DENIED: a tenant cannot call for a tenant; INVALID_ARGUMENT: that
  // is none.
  absl::StatusOr<Call> MakeCall(const grpc::ServerContextBase& context) const;

 private:
  absl::StatusOr<Principal> Identify(const grpc::ServerContextBase& context) const;

  KeyStore& keys_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_CALLERS_H_
