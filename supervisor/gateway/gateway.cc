#include "supervisor/gateway/gateway.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/gateway/base/access_tokens.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/control/control_plane.h"
#include "supervisor/gateway/envd/file_transfer.h"
#include "supervisor/gateway/envd/filesystem_service.h"
#include "supervisor/gateway/envd/process_service.h"
#include "supervisor/gateway/envd/watchers.h"
#include "supervisor/gateway/http/http_server.h"
#include "supervisor/gateway/interpreter/code_interpreter.h"
#include "supervisor/gateway/ports/port_proxy.h"
#include "supervisor/gateway/route.h"

namespace warren {

struct Gateway::Parts {
  Parts(Backend& backend, MemoryBudget& memory, AccessTokens made, Options chosen)
      : options(std::move(chosen)),
        tokens(std::move(made)),
        door(backend, tokens),
        watchers(memory, options.pace),
        control(door, options.authenticate, {options.defaults, {options.domain}}),
        processes(door, options.pace),
        filesystem(door, watchers),
        files(door),
        interpreter(door, options.pace),
        ports(door) {}

  Async<void> Serve(Exchange& exchange);
  Async<void> ServeEnvd(Exchange& exchange, const std::string& sandbox_id);
  Async<void> ServeControl(Exchange& exchange);
  // Whether this name is served without a key.
  bool ServesWithoutKey(absl::string_view host) const;

  const Options options;
  const AccessTokens tokens;
  SandboxDoor door;
  Watchers watchers;
  ControlPlane control;
  EnvdProcesses processes;
  EnvdFilesystem filesystem;
  EnvdFiles files;
  CodeInterpreter interpreter;
  PortProxy ports;
  // The last to come, and the first to go.
  std::unique_ptr<HttpServer> server;
};

bool Gateway::Parts::ServesWithoutKey(absl::string_view host) const {
  return IsLocalHost(host) || IsWithinDomain(host, options.domain);
}

Async<void> Gateway::Parts::Serve(Exchange& exchange) {
  // Once: it looks at the keys' file.
  const bool has_keys = options.has_keys();
  if (!has_keys && !ServesWithoutKey(exchange.header("Host"))) {
    co_await AnswerError(exchange, HttpStatus::misdirected_request,
                         "this server has no API key and serves its own addresses alone: ask it by "
                         "one, or make a key (warren keys create)");
    co_return;
  }
  const GatewayRoute route = RouteOf(exchange.header("Host"), exchange.header("E2b-Sandbox-Id"),
                                     exchange.header("E2b-Sandbox-Port"));
  const bool own = route.port == kEnvdPort || route.port == kInterpreterPort;
  const std::string site =
      absl::StrCat(exchange.secure() ? "https://" : "http://", exchange.header("Host"));
  if (!has_keys && (own || route.sandbox_id.empty()) &&
      IsOfAnotherSite(exchange.header("Origin"), exchange.header("Sec-Fetch-Site"), site)) {
    co_await AnswerError(exchange, HttpStatus::forbidden,
                         "a page of another site cannot use a server that has no API key");
    co_return;
  }
  if (route.malformed) {
    co_await AnswerSandboxGone(exchange, route.sandbox_id);
  } else if (!route.sandbox_id.empty() && !own) {
    co_await ports.Serve(exchange, route.sandbox_id, route.port);
  } else if (!exchange.target_status().ok()) {
    co_await AnswerError(exchange, exchange.target_status());
  } else if (route.sandbox_id.empty()) {
    co_await ServeControl(exchange);
  } else if (route.port == kInterpreterPort) {
    co_await interpreter.Serve(exchange, route.sandbox_id);
  } else {
    co_await ServeEnvd(exchange, route.sandbox_id);
  }
}

Async<void> Gateway::Parts::ServeControl(Exchange& exchange) {
  const auto& path = exchange.target().segments;
  // A signed URL names no sandbox: its signature does.
  if (path.size() == 1 && path[0] == "files" && exchange.target().Parameter("signature")) {
    co_await files.ServeSigned(exchange);
  } else {
    co_await control.Serve(exchange);
  }
}

Async<void> Gateway::Parts::ServeEnvd(Exchange& exchange, const std::string& sandbox_id) {
  const auto& path = exchange.target().segments;
  const absl::string_view first = path.empty() ? absl::string_view() : path[0];
  const bool rpc = exchange.method() == "POST" && path.size() == 2;
  if (rpc && first == "process.Process") {
    co_await processes.Serve(exchange, sandbox_id, path[1]);
  } else if (rpc && first == "filesystem.Filesystem") {
    co_await filesystem.Serve(exchange, sandbox_id, path[1]);
  } else if (path.size() == 1 && first == "files") {
    co_await files.Serve(exchange, sandbox_id);
  } else if (path.size() == 1 && first == "health" && exchange.method() == "GET") {
    auto opened = co_await door.Open(exchange, sandbox_id, Credential::kId, ErrorForm::kRest);
    if (opened) co_await AnswerNothing(exchange);
  } else {
    co_await AnswerError(
        exchange, HttpStatus::not_found,
        absl::StrCat("envd has no ", exchange.method(), " /", absl::StrJoin(path, "/")));
  }
}

Gateway::Gateway(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Gateway::~Gateway() = default;

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(Backend& backend, MemoryBudget& memory,
                                                        Options options) {
  auto tokens = AccessTokens::Make();
  if (!tokens.ok()) return tokens.status();
  auto parts = std::make_unique<Parts>(backend, memory, *std::move(tokens), std::move(options));
  const auto& certificate = parts->options.certificate;
  auto server = HttpServer::Start(
      [serving = parts.get()](Exchange& exchange) { return serving->Serve(exchange); }, memory,
      parts->options.pace, certificate ? &*certificate : nullptr, parts->options.crowd);
  if (!server.ok()) return server.status();
  parts->server = *std::move(server);
  return std::unique_ptr<Gateway>(new Gateway(std::move(parts)));
}

void Gateway::AddConnection(UniqueFd connection, Security security) {
  parts_->server->AddConnection(std::move(connection), security);
}

bool Gateway::busy() const { return parts_->server->busy(); }

void Gateway::Shutdown(absl::Duration grace) { parts_->server->Shutdown(grace); }

}  // namespace warren
