#include "supervisor/gateway/envd/file_transfer_error.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {

Async<void> AnswerTransferError(Exchange& exchange, TransferSubject subject, absl::Status status) {
  if (absl::IsCancelled(status) && exchange.client_gone()) {
    exchange.Hangup();
    co_return;
  }
  const bool there = co_await SandboxDoor::IsThere(subject.handle);
  if (!there) {
    co_await AnswerSandboxGone(exchange, subject.handle->id());
    co_return;
  }
  std::string message(status.message());
  HttpStatus code = HttpStatusOf(status);
  if (absl::IsNotFound(status)) {
    message = absl::StrCat("path '", PathText(subject.path), "' does not exist");
  } else if (absl::IsFailedPrecondition(status)) {
    code = HttpStatus::bad_request;
    auto entry = co_await StatTarget(subject.handle, subject.user, subject.path);
    if (entry.ok() && entry->type() == v1::FileEntry::DIRECTORY)
      message = absl::StrCat("path '", PathText(subject.path), "' is a directory");
  } else if (absl::IsResourceExhausted(status) && subject.way == TransferSubject::Way::kUpload) {
    code = HttpStatus::insufficient_storage;
  }
  co_await AnswerError(exchange, code, message);
}

}  // namespace warren
