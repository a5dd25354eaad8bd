#ifndef WARREN_RUNTIME_STORE_PACKAGE_RECEIVER_H_
#define WARREN_RUNTIME_STORE_PACKAGE_RECEIVER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/store/package_stream.h"
#include "runtime/store/space.h"
#include "runtime/store/stop_signal.h"
#include "runtime/store/store_directory.h"
#include "warren/internal/store.pb.h"

namespace warren {

// What is read of a sandbox, and how long it is waited for.
struct ReceiveBounds {
  PackageLimits limits;
  // Without a byte.
  absl::Duration patience;
};

// Reads from a stream socket until the package is complete. DEADLINE_EXCEEDED: nothing came for so
// long; UNAVAILABLE: it ended too early; CANCELLED; and PackageStream's errors.
absl::Status ReceiveStream(int socket, absl::Duration patience, const StopSignal& stop,
                           PackageStream& stream);

struct ReceivedPackage {
  // With size and files.
  internal::StoredPackage package;
  // On disk, in bytes of blocks; of the space they are taken.
  int64_t blocks = 0;
};

// Receives a package and puts it into its place; what fails leaves nothing. Blocks.
absl::StatusOr<ReceivedPackage> ReceivePackage(const StoreDirectory& directory,
                                               const internal::StoredPackage& package, int socket,
                                               const ReceiveBounds& bounds, Space& space,
                                               const StopSignal& stop);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_RECEIVER_H_
