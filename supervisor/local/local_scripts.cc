#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/backend/validate.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/session/execution_operation.h"
#include "supervisor/session/script.h"

// The scripts of a leased sandbox.
namespace warren {
namespace {

// Of a script, beside its request.
constexpr int64_t kScriptBytes = 4096;

}  // namespace

absl::StatusOr<Script::Spec> LocalSandbox::AdmitScript(warren::v1::RunScriptRequest request) const {
  WARREN_RETURN_IF_ERROR(CheckUsable());
  WARREN_RETURN_IF_ERROR(CheckLanguage(request.language()));
  const std::string& template_id = sandbox_->identity().template_id;
  Script::Spec spec;
  WARREN_ASSIGN_OR_RETURN(spec.user, backend_.FindFileUser(template_id, request.user()));
  WARREN_ASSIGN_OR_RETURN(spec.interpreter,
                          backend_.FindInterpreter(template_id, request.language()));
  spec.charge = MemoryCharge(&backend_.memory());
  if (!spec.charge.TryAdd(kScriptBytes + static_cast<int64_t>(request.ByteSizeLong()))) {
    return NoRoom();
  }
  if (request.max_output_bytes() == 0)
    request.set_max_output_bytes(sandbox_->CurrentLimits().output_bytes());
  spec.request = std::move(request);
  return spec;
}

std::unique_ptr<Operation> LocalSandbox::RunScript(const Call&,
                                                   warren::v1::RunScriptRequest request,
                                                   std::shared_ptr<ExecutionSink> sink) {
  if (absl::Status status = ValidateRunScript(request); !status.ok())
    return RefuseExecution(*sink, std::move(status));
  request.clear_sandbox_id();
  const std::string request_id = request.request_id();
  // No cell's: those have theirs without a word before it.
  const std::string fingerprint =
      request_id.empty() ? "" : absl::StrCat("script ", Fingerprint(request));
  if (!request_id.empty()) {
    auto earlier = backend_.detached().FindRequest(id(), request_id, fingerprint);
    if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
    if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  }
  auto execution = std::make_shared<Execution>(request, sink, backend_.detached());
  absl::StatusOr<Script::Spec> spec = AdmitScript(std::move(request));
  if (!spec.ok()) return RefuseExecution(*sink, spec.status());
  execution->Hold(sandbox_->Use());
  auto script = std::make_shared<Script>(backend_.host(), backend_.detached(), sandbox_,
                                         *std::move(spec), execution);
  if (!request_id.empty()) {
    auto earlier = backend_.detached().AddOnce(id(), request_id, fingerprint, script, execution);
    if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
    if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  } else if (execution->kept()) {
    backend_.detached().Add(id(), script, execution);
  }
  script->Start();
  return Desk().Operate(std::move(script), std::move(execution));
}

}  // namespace warren
