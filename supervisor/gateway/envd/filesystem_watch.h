#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_WATCH_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_WATCH_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "warren/e2b/filesystem.pb.h"
#include "warren/v1/file.pb.h"

namespace warren {

// One of a client's watches.
struct DirectoryWatchRequest {
  // Absolute.
  std::string path;
  std::string user;
  enum class Depth { kDirectory, kTree } depth = Depth::kDirectory;
  // Whether events carry what is at their path when they are told.
  enum class Entries { kNone, kIncluded } entries = Entries::kNone;
};

std::unique_ptr<Operation> StartWatch(SandboxHandle& handle, const DirectoryWatchRequest& request,
                                      std::shared_ptr<Sink<v1::FileEvent>> sink);

// An event with the path of what it is of, for who wants to know what is there.
struct WatchedEvent {
  e2b::FilesystemEvent event;
  std::string path;
};

// What `event` is to E2B's clients, in terms of inotify: a rename is two, RENAME of the old name
// and CREATE of the new. Names are relative to `directory`, which itself is ".". Nothing of what is
// no event of a file (WATCHING, OVERFLOW).
std::vector<WatchedEvent> ToFilesystemEvents(const v1::FileEvent& event,
                                             absl::string_view directory);

// What OVERFLOW comes to, as in envd: the end, by an error. DATA_LOSS: not RESOURCE_EXHAUSTED,
// which the SDKs take for a rate limit.
absl::Status EventsLost(absl::string_view path);

// Fills in what is at the event's path, if anything is.
Async<void> IncludeEntry(std::shared_ptr<SandboxHandle> handle, std::string user,
                         WatchedEvent& event);

// Streams a watch to its client: start, what happens, and that it lives where nothing does, every
// so many seconds as the client says (Keepalive-Ping-Interval, 1 to 3600; 90). It ends with its
// time (Connect-Timeout-Ms), with its directory, where events were lost, and is cut with its
// sandbox.
Async<void> StreamWatch(Exchange& exchange, std::shared_ptr<SandboxHandle> handle,
                        DirectoryWatchRequest request, ConnectStream& stream);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_WATCH_H_
