#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_SERVICE_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/envd/watchers.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "warren/e2b/filesystem.pb.h"

namespace warren {

// envd's service filesystem.Filesystem, at the gateway.
//
// Who asks acts as the user of its Authorization header (BasicUser), and the sandbox's kernel
// decides what that user may: unlike envd, which is root and gives files to the user afterwards, so
// what the user may not touch is PERMISSION_DENIED here.
//
// Thread-safe; what it is made of outlives it. It keeps nothing but what Watchers does.
class EnvdFilesystem {
 public:
  EnvdFilesystem(SandboxDoor& door, Watchers& watchers) : door_(door), watchers_(watchers) {}

  // POST /filesystem.Filesystem/METHOD. References and views outlive the task.
  Async<void> Serve(Exchange& exchange, const std::string& sandbox_id, absl::string_view method);

 private:
  // Who asks of which sandbox.
  struct Caller {
    std::shared_ptr<SandboxHandle> handle;
    std::string user;
  };
  template <class Response>
  using Answer = Async<absl::StatusOr<Response>>;

  Async<void> Dispatch(Exchange& exchange, const Caller& caller, absl::string_view method);
  Async<void> DispatchWatch(Exchange& exchange, const Caller& caller, absl::string_view method);
  // `caller` outlives them all.
  Answer<e2b::StatResponse> Stat(const Caller& caller, e2b::StatRequest request);
  Answer<e2b::MakeDirResponse> MakeDir(const Caller& caller, e2b::MakeDirRequest request);
  Answer<e2b::MoveResponse> Move(const Caller& caller, e2b::MoveRequest request);
  Answer<e2b::ListDirResponse> ListDir(Exchange& exchange, const Caller& caller,
                                       e2b::ListDirRequest request);
  Answer<e2b::RemoveResponse> Remove(const Caller& caller, e2b::RemoveRequest request);
  Answer<e2b::CreateWatcherResponse> CreateWatcher(Exchange& exchange, const Caller& caller,
                                                   e2b::CreateWatcherRequest request);
  Answer<e2b::GetWatcherEventsResponse> GetWatcherEvents(Exchange& exchange, const Caller& caller,
                                                         e2b::GetWatcherEventsRequest request);
  Answer<e2b::RemoveWatcherResponse> RemoveWatcher(const Caller& caller,
                                                   e2b::RemoveWatcherRequest request);
  Async<void> WatchDir(Exchange& exchange, const Caller& caller, e2b::WatchDirRequest request,
                       ConnectStream& stream);

  SandboxDoor& door_;
  Watchers& watchers_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILESYSTEM_SERVICE_H_
