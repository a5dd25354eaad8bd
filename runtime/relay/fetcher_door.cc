#include "runtime/relay/fetcher_door.h"

#include <utility>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/relay/times.h"

namespace warren {

absl::Status FetcherDoor::Change(UniqueFd socket) {
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket.get()));
  socket_ = std::move(socket);
  cuts_.clear();
  return absl::OkStatus();
}

absl::Status FetcherDoor::HandOver(const std::string& sandbox_id, internal::PackageClient client,
                                   int connection) {
  if (!socket_.valid()) return absl::UnavailableError("this server has no package index");
  internal::PackageConnection message;
  message.set_sandbox_id(sandbox_id);
  message.set_client(client);
  const int fds[] = {connection};
  SendCuts();
  if (!cuts_.contains(sandbox_id) &&
      SendMessage(socket_.get(), message.SerializeAsString(), fds, WhenFull::kFail).ok())
    return absl::OkStatus();
  // Gone, until the launcher brings the next, or busy.
  return absl::UnavailableError("the package index takes no connection at the moment");
}

void FetcherDoor::Cut(const std::string& sandbox_id) {
  if (!socket_.valid()) return;
  cuts_.insert(sandbox_id);
  SendCuts();
}

void FetcherDoor::SendCuts() {
  while (!cuts_.empty()) {
    internal::PackageConnection message;
    message.set_sandbox_id(*cuts_.begin());
    message.set_cut(true);
    const absl::Status status =
        SendMessage(socket_.get(), message.SerializeAsString(), {}, WhenFull::kFail);
    if (!status.ok()) break;
    cuts_.erase(cuts_.begin());
  }
  // Of a fetcher that has gone this goes on until the launcher brings the next.
  if (cuts_.empty() || timer_ != 0) return;
  timer_ = loop_.AddTimer(MonotonicClock::now() + kCutRetryPause, [this] {
    timer_ = 0;
    SendCuts();
  });
}

}  // namespace warren
