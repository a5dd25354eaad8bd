#ifndef WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_
#define WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_

#include <string>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// The relay's way to the package index: what is handed over there is the fetcher's from then on.
//
// For the loop's thread.
class FetcherDoor {
 public:
  // The relay's end of a socket to a fetcher, in place of the one before.
  absl::Status Change(UniqueFd socket);
  // A connection of that sandbox's, of which nothing was read; the caller closes its own descriptor
  // of it. UNAVAILABLE: there is no fetcher, or it takes none at the moment.
  absl::Status HandOver(const std::string& sandbox_id, internal::PackageClient client,
                        int connection);

 private:
  UniqueFd socket_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_
