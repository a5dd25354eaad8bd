#ifndef WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_
#define WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// The relay's way to the package index: what is handed over there is the fetcher's from then on.
//
// For the loop's thread.
class FetcherDoor {
 public:
  // The loop outlives it.
  explicit FetcherDoor(IoLoop& loop) : loop_(loop) {}
  ~FetcherDoor() { loop_.CancelTimer(timer_); }
  FetcherDoor(const FetcherDoor&) = delete;
  FetcherDoor& operator=(const FetcherDoor&) = delete;

  // The relay's end of a socket to a fetcher, in place of the one before, whose connections have
  // ended with it.
  absl::Status Change(UniqueFd socket);
  // A connection of that sandbox's, of which nothing was read; the caller closes its own descriptor
  // of it. UNAVAILABLE: there is no fetcher, or it takes none at the moment.
  absl::Status HandOver(const std::string& sandbox_id, internal::PackageClient client,
                        int connection);
  // Ends what was handed over of that sandbox's: now, or as soon as the fetcher takes the message,
  // and before anything more of it is handed over.
  void Cut(const std::string& sandbox_id);

 private:
  // Says what is left to be cut, and looks again later where there is no room for it.
  void SendCuts();

  IoLoop& loop_;
  UniqueFd socket_;
  std::set<std::string> cuts_;
  TimerId timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_FETCHER_DOOR_H_
