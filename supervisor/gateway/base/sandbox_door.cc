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
    co_await AnswerSandboxGone(exchange, sandbox_id);
    co_return std::nullopt;
  }
  if (credential == Credential::kAccessToken && opened->notes.secured &&
      !SameSecret(exchange.header("X-Access-Token"), tokens_.Envd(sandbox_id))) {
    co_await RefuseCredential(exchange, form);
    co_return std::nullopt;
  }
  if (opened->sandbox.state() == v1::Sandbox::PAUSED) {
    absl::Status resumed = absl::UnavailableError("paused");
    if (opened->notes.auto_resume) resumed = co_await Resume(*opened);
    if (!resumed.ok()) {
      co_await AnswerSandboxGone(exchange, sandbox_id);
      co_return std::nullopt;
    }
  }
  co_return *std::move(opened);
}

Async<bool> SandboxDoor::IsThere(std::shared_ptr<SandboxHandle> handle) {
  auto sandbox =
      co_await Ask<v1::Sandbox>([&](auto reply) { handle->Get(Call(), std::move(reply)); });
  co_return sandbox.ok() && sandbox->state() != v1::Sandbox::DEAD;
}

}  // namespace warren
