#include "runtime/relay/fetcher_door.h"

#include <utility>

#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {

absl::Status FetcherDoor::Change(UniqueFd socket) {
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket.get()));
  socket_ = std::move(socket);
  return absl::OkStatus();
}

absl::Status FetcherDoor::HandOver(const std::string& sandbox_id, internal::PackageClient client,
                                   int connection) {
  if (!socket_.valid()) return absl::UnavailableError("this server has no package index");
  internal::PackageConnection message;
  message.set_sandbox_id(sandbox_id);
  message.set_client(client);
  const int fds[] = {connection};
  if (SendMessage(socket_.get(), message.SerializeAsString(), fds, WhenFull::kFail).ok())
    return absl::OkStatus();
  // Gone, until the launcher brings the next, or busy.
  return absl::UnavailableError("the package index takes no connection at the moment");
}

}  // namespace warren
