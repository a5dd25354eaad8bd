#include "supervisor/gateway/control/control_plane.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/list_query.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

constexpr char kAnyId[] = "*";

}  // namespace

struct ControlPlane::Route {
  const char* method;
  // Empty from the first that it has not.
  std::array<const char*, 4> path;
  Method serve;

  bool Fits(const std::vector<std::string>& asked) const {
    for (size_t i = 0; i < path.size(); ++i) {
      const bool has = path[i] != nullptr;
      if (has != (i < asked.size())) return false;
      if (has && path[i] != absl::string_view(kAnyId) && path[i] != asked[i]) return false;
    }
    return asked.size() <= path.size();
  }
};

const ControlPlane::Route* ControlPlane::FindRoute(absl::string_view method, const Context& context,
                                                   bool& known) {
  static constexpr Route kRoutes[] = {
      {"GET", {"health"}, &ControlPlane::Health},
      {"POST", {"sandboxes"}, &ControlPlane::Create},
      {"GET", {"sandboxes"}, &ControlPlane::List},
      {"GET", {"sandboxes", kAnyId}, &ControlPlane::Get},
      {"DELETE", {"sandboxes", kAnyId}, &ControlPlane::Kill},
      {"POST", {"sandboxes", kAnyId, "connect"}, &ControlPlane::Connect},
      {"POST", {"sandboxes", kAnyId, "resume"}, &ControlPlane::Resume},
      {"POST", {"sandboxes", kAnyId, "timeout"}, &ControlPlane::SetTimeout},
      {"POST", {"sandboxes", kAnyId, "refreshes"}, &ControlPlane::Refresh},
      {"POST", {"sandboxes", kAnyId, "pause"}, &ControlPlane::Pause},
      {"GET", {"sandboxes", kAnyId, "metrics"}, &ControlPlane::Metrics},
      {"PUT", {"sandboxes", kAnyId, "network"}, &ControlPlane::SetNetwork},
      {"POST", {"sandboxes", kAnyId, "snapshots"}, &ControlPlane::Unbuilt},
      {"POST", {"sandboxes", kAnyId, "fork"}, &ControlPlane::Unbuilt},
      {"GET", {"snapshots"}, &ControlPlane::Unbuilt},
      {"GET", {"templates"}, &ControlPlane::ListTemplates},
      {"GET", {"templates", "aliases", kAnyId}, &ControlPlane::FindAlias},
      {"POST", {"templates"}, &ControlPlane::Unbuilt},
      {"POST", {"templates", "tags"}, &ControlPlane::Unbuilt},
      {"DELETE", {"templates", "tags"}, &ControlPlane::Unbuilt},
      {"GET", {"templates", kAnyId, "tags"}, &ControlPlane::Unbuilt},
      {"DELETE", {"templates", kAnyId}, &ControlPlane::Unbuilt},
      {"GET", {"templates", kAnyId, "files", kAnyId}, &ControlPlane::Unbuilt},
      {"POST", {"templates", kAnyId, "builds", kAnyId}, &ControlPlane::Unbuilt},
      {"GET", {"volumes"}, &ControlPlane::Unbuilt},
      {"POST", {"volumes"}, &ControlPlane::Unbuilt},
      {"GET", {"secrets"}, &ControlPlane::Unbuilt},
      {"POST", {"secrets"}, &ControlPlane::Unbuilt},
  };
  known = false;
  for (const Route& route : kRoutes) {
    if (!route.Fits(context.path)) continue;
    if (method == route.method) return &route;
    known = true;
  }
  return nullptr;
}

Async<void> ControlPlane::Serve(Exchange& exchange) {
  Context context{exchange, Call(), ApiVersion::kV1, exchange.target().segments};
  if (!context.path.empty() && (context.path[0] == "v2" || context.path[0] == "v3")) {
    context.version = ApiVersion::kV2;
    context.path.erase(context.path.begin());
  }
  auto who = authenticate_(exchange.header("X-API-Key"));
  if (!who.ok()) {
    co_await AnswerError(exchange, who.status());
    co_return;
  }
  context.call.who = *std::move(who);
  bool known = false;
  const Route* route = FindRoute(exchange.method(), context, known);
  if (route == nullptr) {
    co_await AnswerError(exchange, known ? HttpStatus::method_not_allowed : HttpStatus::not_found,
                         absl::StrCat("this server has no ", exchange.method(), " /",
                                      absl::StrJoin(context.path, "/")));
    co_return;
  }
  co_await (this->*route->serve)(context);
}

Async<absl::StatusOr<nlohmann::json>> ControlPlane::ReadJson(Context& context) {
  auto body = co_await context.exchange.ReadBody(kMaxJsonBytes);
  if (!body.ok()) co_return body.status();
  co_return ParseObject(*body);
}

Async<absl::StatusOr<OpenedSandbox>> ControlPlane::Find(Context& context) {
  const std::string id = context.path.at(1);
  auto found = co_await door_.Look(id, context.call);
  if (found.ok() || !absl::IsNotFound(found.status())) co_return found;
  co_return absl::NotFoundError(absl::StrCat("Sandbox \"", id, "\" doesn't exist"));
}

Async<void> ControlPlane::Health(Context& context) {
  const absl::Status health = door_.backend().health();
  if (health.ok()) {
    co_await AnswerNothing(context.exchange);
  } else {
    co_await AnswerError(context.exchange, health);
  }
}

Async<void> ControlPlane::Unbuilt(Context& context) {
  co_await AnswerError(context.exchange, HttpStatus::not_implemented,
                       absl::StrCat("Warren does not have this part of E2B's API: /",
                                    absl::StrJoin(context.path, "/")));
}

}  // namespace warren
