#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/base/text.h"
#include "supervisor/session/context.h"
#include "supervisor/session/public_events.h"

// What a context is beside a plain one: told to its worker before the first cell.
namespace warren {
namespace {

constexpr size_t kMaxStep = 32;

}  // namespace

void Context::SetEnvironment(std::map<std::string, std::string> env) {
  MutexLock lock(&mu_);
  if (env.empty() || !AliveLocked()) return;
  internal::WorkerConfigure configure;
  FillNamedTexts(env, configure.mutable_environment());
  spec_.env = std::move(env);
  ArmReadyTimeout();
  SendConfigure(configure);
  // What a thread wrote meanwhile may be ahead of the answer.
  if (unread_) PostReadAll();
}

void Context::SendConfigure(const internal::WorkerConfigure& configure) {
  internal::WorkerRequest request;
  configuring_ = ++last_number_;
  request.set_execution_id(configuring_);
  *request.mutable_configure() = configure;
  SendRequest(request, static_cast<int64_t>(configure.ByteSizeLong()));
}

absl::Status Context::OnConfigured(const internal::WorkerEvent& event) {
  if (configuring_ == 0 || event.execution_id() != configuring_ || worker_stages_.empty() ||
      channel_.has_unsent()) {
    return absl::InvalidArgumentError("an answer to a request that was not made");
  }
  configuring_ = 0;
  const internal::WorkerConfigured& configured = event.configured();
  if (!configured.failed_step().empty()) {
    const std::string step = ToValidUtf8(configured.failed_step(), kMaxStep);
    errno = configured.error_number();
    const std::string why = std::string(Errno("").message());
    ReportReady(
        step == "working_directory"
            ? absl::InvalidArgumentError(
                  absl::StrCat("working_directory is \"", spec_.working_directory,
                               "\", which cannot be entered", why, "; make it first"))
            : absl::InternalError(absl::StrCat("sandbox ", host_->id(), ": its ", spec_.language,
                                               " context: \"", step, "\" failed", why)));
    if (violation_.empty()) violation_ = absl::StrCat("its ", step, " could not be set");
    KillLocked(StopReason::kViolation);
    return absl::OkStatus();
  }
  if (on_ready_) {
    ReportReady(absl::OkStatus());
  } else {
    Cancel(end_timer_);
  }
  BeginNext();
  return absl::OkStatus();
}

}  // namespace warren
