#include "runtime/store/store_door.h"

#include <sys/epoll.h>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/store/store_request.h"

namespace warren {
namespace {

constexpr size_t kMaxRequest = 128 << 10;
constexpr size_t kMaxMessage = 1024;
constexpr size_t kMaxUnsent = 16384;
constexpr int kReadsAtATime = 16;

}  // namespace

absl::Status StoreDoor::Start(OnRequest on_request, std::function<void(absl::Status)> on_end) {
  on_request_ = std::move(on_request);
  on_end_ = std::move(on_end);
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket_.get()));
  watched_ = EPOLLIN;
  WARREN_ASSIGN_OR_RETURN(
      watch_, loop_.Watch(socket_.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); }));
  return absl::OkStatus();
}

void StoreDoor::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Read();
}

void StoreDoor::Read() {
  for (int read = 0; read < kReadsAtATime; ++read) {
    absl::StatusOr<Message> message = ReceiveMessage(socket_.get(), kMaxRequest);
    if (absl::IsUnavailable(message.status())) return;
    if (!message.ok()) return on_end_(message.status());
    if (message->data.empty() && message->fds.empty()) return on_end_(absl::OkStatus());
    absl::StatusOr<internal::StoreRequest> request =
        ParseStoreRequest(message->data, message->fds.size());
    if (!request.ok()) return on_end_(request.status());
    on_request_(*std::move(request),
                message->fds.empty() ? UniqueFd() : std::move(message->fds[0]));
  }
}

void StoreDoor::Reply(uint64_t id, const absl::Status& status) {
  internal::StoreReply reply;
  reply.set_id(id);
  reply.set_code(static_cast<int32_t>(status.code()));
  reply.set_message(std::string(status.message().substr(0, kMaxMessage)));
  Reply(reply);
}

void StoreDoor::Reply(const internal::StoreReply& reply) {
  // One that asks and does not listen is none.
  if (unsent_.size() >= kMaxUnsent)
    return on_end_(absl::ResourceExhaustedError("the supervisor does not read its answers"));
  unsent_.push_back(reply.SerializeAsString());
  if (unsent_.size() == 1) Flush();
}

void StoreDoor::Flush() {
  while (!unsent_.empty()) {
    const absl::Status sent = SendMessage(socket_.get(), unsent_.front(), {}, WhenFull::kFail);
    // It is full, or gone, which is read.
    if (absl::IsUnavailable(sent)) break;
    if (!sent.ok()) return on_end_(sent);
    unsent_.pop_front();
  }
  const uint32_t events = EPOLLIN | (unsent_.empty() ? 0u : EPOLLOUT);
  if (std::exchange(watched_, events) != events) loop_.Modify(watch_, events).IgnoreError();
}

}  // namespace warren
