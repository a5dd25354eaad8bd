#include "supervisor/gateway/envd/filesystem_error.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {

Async<absl::Status> ExplainPath(std::shared_ptr<SandboxHandle> handle, std::string path,
                                absl::Status status) {
  // What a request itself has wrong is wrong in any sandbox.
  if (status.ok() || absl::IsInvalidArgument(status)) co_return status;
  const bool there = co_await SandboxDoor::IsThere(std::move(handle));
  if (!there) co_return absl::UnavailableError("The sandbox was not found");
  if (absl::IsNotFound(status))
    co_return absl::NotFoundError(absl::StrCat("path '", PathText(path), "' does not exist"));
  co_return status;
}

Async<absl::Status> ExplainDirectory(std::shared_ptr<SandboxHandle> handle, std::string user,
                                     std::string path, absl::Status status) {
  if (absl::IsFailedPrecondition(status)) {
    auto entry = co_await StatTarget(handle, std::move(user), path);
    if (entry.ok() && entry->type() != v1::FileEntry::DIRECTORY) {
      co_return absl::InvalidArgumentError(
          absl::StrCat("path '", PathText(path), "' is not a directory"));
    }
  }
  co_return co_await ExplainPath(std::move(handle), std::move(path), std::move(status));
}

}  // namespace warren
