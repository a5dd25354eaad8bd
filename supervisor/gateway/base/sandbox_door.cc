#include "supervisor/gateway/base/sandbox_door.h"

#include <utility>

#include "nlohmann/json.hpp"
#include "supervisor/gateway/base/answers.h"

namespace warren {
namespace {

constexpr char kNoToken[] =
    "unauthorized access, please provide a valid access token or method signing if supported";

Async<void> RefuseCredential(Exchange& exchange, ErrorForm form) {
  if (form == ErrorForm::kRest) {
    co_await AnswerError(exchange, HttpStatus::unauthorized, kNoToken);
    co_return;
  }
  nlohmann::json body;
  body["code"] = "unauthenticated";
  body["message"] = kNoToken;
  co_await AnswerJson(exchange, HttpStatus::unauthorized, body);
}

// As E2B's proxy says it.
Async<void> RefuseTraffic(Exchange& exchange, const std::string& sandbox_id) {
  nlohmann::json body;
  body["sandboxId"] = sandbox_id;
  body["message"] = "Missing or invalid traffic access token header 'e2b-traffic-access-token'";
  body["code"] = static_cast<unsigned>(HttpStatus::forbidden);
  co_await AnswerJson(exchange, HttpStatus::forbidden, body);
}

// What the backend says of a sandbox: that it is not there, or something else.
Async<void> AnswerFailure(Exchange& exchange, const std::string& sandbox_id, absl::Status failure) {
  if (absl::IsNotFound(failure) || absl::IsFailedPrecondition(failure)) {
    co_await AnswerSandboxGone(exchange, sandbox_id);
  } else {
    co_await AnswerError(exchange, failure);
  }
}

}  // namespace

Async<absl::StatusOr<OpenedSandbox>> SandboxDoor::Look(std::string sandbox_id, Call call) const {
  OpenedSandbox opened;
  auto handle = co_await Ask<std::shared_ptr<SandboxHandle>>(
      [&](auto reply) { backend_.Open(call, sandbox_id, std::move(reply)); });
  if (!handle.ok()) co_return handle.status();
  opened.handle = *std::move(handle);
  auto sandbox =
      co_await Ask<v1::Sandbox>([&](auto reply) { opened.handle->Get(call, std::move(reply)); });
  if (!sandbox.ok()) co_return sandbox.status();
  if (sandbox->state() == v1::Sandbox::DEAD) co_return absl::NotFoundError(sandbox->reason());
  opened.sandbox = *std::move(sandbox);
  opened.notes = ReadNotes(opened.sandbox);
  co_return opened;
}

Async<absl::Status> SandboxDoor::Resume(OpenedSandbox& opened) {
  auto resumed = co_await Ask<v1::Sandbox>([&](auto reply) {
    opened.handle->Unpause(Call(), v1::ResumeSandboxRequest(), std::move(reply));
  });
  if (!resumed.ok()) co_return resumed.status();
  opened.sandbox = *std::move(resumed);
  co_return absl::OkStatus();
}

Async<std::optional<OpenedSandbox>> SandboxDoor::Open(Exchange& exchange,
                                                      const std::string& sandbox_id,
                                                      Credential credential, ErrorForm form) const {
  auto opened = co_await Look(sandbox_id, Call());
  if (!opened.ok()) {
    co_await AnswerFailure(exchange, sandbox_id, opened.status());
    co_return std::nullopt;
  }
  const bool traffic =
      credential == Credential::kTraffic || credential == Credential::kTrafficAndAccessToken;
  if (traffic && !opened->notes.public_traffic &&
      !SameSecret(exchange.header("E2B-Traffic-Access-Token"), tokens_.Traffic(sandbox_id))) {
    co_await RefuseTraffic(exchange, sandbox_id);
    co_return std::nullopt;
  }
  const bool access =
      credential == Credential::kAccessToken || credential == Credential::kTrafficAndAccessToken;
  if (access && opened->notes.secured &&
      !SameSecret(exchange.header("X-Access-Token"), tokens_.Envd(sandbox_id))) {
    co_await RefuseCredential(exchange, form);
    co_return std::nullopt;
  }
  if (opened->sandbox.state() == v1::Sandbox::PAUSED) {
    absl::Status resumed = absl::FailedPreconditionError("paused");
    if (opened->notes.auto_resume) resumed = co_await Resume(*opened);
    if (!resumed.ok()) {
      co_await AnswerFailure(exchange, sandbox_id, resumed);
      co_return std::nullopt;
    }
  }
  co_return *std::move(opened);
}

Async<bool> SandboxDoor::IsThere(std::shared_ptr<SandboxHandle> handle) {
  auto sandbox =
      co_await Ask<v1::Sandbox>([&](auto reply) { handle->Get(Call(), std::move(reply)); });
  if (!sandbox.ok()) co_return !absl::IsNotFound(sandbox.status());
  co_return sandbox->state() != v1::Sandbox::DEAD;
}

}  // namespace warren
