#ifndef WARREN_RUNTIME_STORE_STORE_REQUEST_H_
#define WARREN_RUNTIME_STORE_STORE_REQUEST_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/internal/store.pb.h"

namespace warren {

// A request of the supervisor's that came with so many descriptors. INVALID_ARGUMENT: it cannot be
// understood, and no reply says so.
absl::StatusOr<internal::StoreRequest> ParseStoreRequest(absl::string_view data, size_t fds);

// Whether what it says can be: digests, names, bounds. INVALID_ARGUMENT, for its reply.
absl::Status CheckStoreRequest(const internal::StoreRequest& request);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_REQUEST_H_
