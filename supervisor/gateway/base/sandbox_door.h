#ifndef WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_DOOR_H_
#define WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_DOOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/access_tokens.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// A sandbox that a request is for, running.
struct OpenedSandbox {
  std::shared_ptr<SandboxHandle> handle;
  v1::Sandbox sandbox;
  SandboxNotes notes;
};

// What opens a sandbox to who comes with its id and no API key.
enum class Credential {
  // Nothing but the id: E2B asks for no more (its health, its contexts).
  kId,
  // X-Access-Token, where it is secured.
  kAccessToken,
  // Has been looked at by the caller: a signature.
  kChecked,
  // E2B-Traffic-Access-Token, where its ports are not public.
  kTraffic,
  // Both of them.
  kTrafficAndAccessToken,
};

// How a refusal is written.
enum class ErrorForm {
  // {"code": 401, …}
  kRest,
  // {"code": "unauthenticated", …}
  kConnect,
};

// Finds sandboxes for the doors inside of the gateway that serve one: what E2B's proxy and envd's
// own check do there. Thread-safe; all outlive it.
class SandboxDoor {
 public:
  SandboxDoor(Backend& backend, const AccessTokens& tokens) : backend_(backend), tokens_(tokens) {}

  // Nothing: the request has been answered, 502 where there is no such sandbox, or it does not run,
  // 401 or 403 where the credential is missing. One that is paused and wants it is resumed, for who
  // has the credential.
  Async<std::optional<OpenedSandbox>> Open(Exchange& exchange, const std::string& sandbox_id,
                                           Credential credential, ErrorForm form) const;

  // As it is now, to who asks; NOT_FOUND also where it is dead.
  Async<absl::StatusOr<OpenedSandbox>> Look(std::string sandbox_id, Call call) const;

  // It is there and not dead. Who has streamed what happens in one asks this before a last word:
  // where the sandbox is gone there is none, but a cut connection.
  static Async<bool> IsThere(std::shared_ptr<SandboxHandle> handle);

  Backend& backend() const { return backend_; }
  const AccessTokens& tokens() const { return tokens_; }

 private:
  static Async<absl::Status> Resume(OpenedSandbox& opened);

  Backend& backend_;
  const AccessTokens& tokens_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_DOOR_H_
