#ifndef WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CODE_INTERPRETER_H_
#define WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CODE_INTERPRETER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/interpreter/interpreter_request.h"

namespace warren {

// E2B's code interpreter, port 49999 of a sandbox: runs code in its contexts, which are Warren's.
//
// Where a client names a language and no context it means the one context that the sandbox has for
// that: Warren's default one, for Python, else one that is made at its first use and found by its
// request id. So nothing is kept here.
//
// Thread-safe; the door outlives it.
class CodeInterpreter {
 public:
  // `pace`: by how much the host is slower than one of pace 1.
  CodeInterpreter(const SandboxDoor& door, double pace) : door_(door), pace_(pace) {}

  Async<void> Serve(Exchange& exchange, const std::string& sandbox_id);

 private:
  using Handle = std::shared_ptr<SandboxHandle>;

  Async<void> Route(Exchange& exchange, const OpenedSandbox& opened);
  Async<void> RouteContext(Exchange& exchange, Handle sandbox);
  Async<void> Execute(Exchange& exchange, Handle sandbox, std::string default_context);
  static Async<void> List(Exchange& exchange, Handle sandbox);
  static Async<void> Create(Exchange& exchange, Handle sandbox);
  static Async<void> Delete(Exchange& exchange, Handle sandbox, std::string context_id);
  static Async<void> Restart(Exchange& exchange, Handle sandbox, std::string context_id);

  const SandboxDoor& door_;
  const double pace_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CODE_INTERPRETER_H_
