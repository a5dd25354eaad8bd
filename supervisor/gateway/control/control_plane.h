#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_CONTROL_PLANE_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_CONTROL_PLANE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/control/authenticate.h"
#include "supervisor/gateway/control/create_request.h"
#include "supervisor/gateway/control/sandbox_json.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// E2B's REST API: sandboxes made, found, listed, kept, paused and ended, in both generations of its
// endpoints. Thread-safe; all outlive it.
class ControlPlane {
 public:
  struct Options {
    CreateDefaults defaults;
    SandboxNaming naming;
  };
  ControlPlane(const SandboxDoor& door, Authenticate authenticate, Options options)
      : door_(door), authenticate_(std::move(authenticate)), options_(std::move(options)) {}

  Async<void> Serve(Exchange& exchange);

 private:
  // Of one request, once its key is known.
  struct Context {
    Exchange& exchange;
    Call call;
    ApiVersion version;
    // The rest of the path, behind "v2".
    std::vector<std::string> path;
  };
  using Method = Async<void> (ControlPlane::*)(Context&);
  struct Route;

  // Null: there is no such thing; `known` says whether there is with another method.
  static const Route* FindRoute(absl::string_view method, const Context& context, bool& known);

  Async<void> Create(Context& context);
  Async<void> List(Context& context);
  Async<void> Get(Context& context);
  Async<void> Kill(Context& context);
  Async<void> Connect(Context& context);
  Async<void> Resume(Context& context);
  Async<void> SetTimeout(Context& context);
  Async<void> Refresh(Context& context);
  Async<void> Pause(Context& context);
  Async<void> Metrics(Context& context);
  Async<void> SetNetwork(Context& context);
  Async<void> ListTemplates(Context& context);
  Async<void> FindAlias(Context& context);
  Async<void> Health(Context& context);
  Async<void> Unbuilt(Context& context);

  // The sandbox of the path, the caller's own; NOT_FOUND also where it is dead.
  Async<absl::StatusOr<OpenedSandbox>> Find(Context& context);
  Async<absl::StatusOr<nlohmann::json>> ReadJson(Context& context);
  Async<absl::StatusOr<v1::Sandbox>> Make(Context& context,
                                          const v1::CreateSandboxRequest& request);
  Async<absl::Status> Destroy(OpenedSandbox& opened);
  // With so much of its life left.
  Async<absl::Status> Unpause(OpenedSandbox& opened, int64_t seconds);
  // The rest of its life is `seconds`, from now on. kOnlyLonger: unless it ends later anyhow.
  enum class Extend { kAlways, kOnlyLonger };
  Async<absl::Status> SetRest(OpenedSandbox& opened, int64_t seconds, Extend extend);
  struct Timed {
    OpenedSandbox opened;
    int64_t seconds = 0;
    // It goes on with what it had in memory, where it is paused.
    bool memory = true;
  };
  // The sandbox of the path, and of the body the field `name` and "memory".
  Async<absl::StatusOr<Timed>> FindTimed(Context& context, const char* name, int64_t otherwise);
  static absl::Status CheckResume(const Timed& timed);

  const SandboxDoor& door_;
  const Authenticate authenticate_;
  const Options options_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_CONTROL_PLANE_H_
