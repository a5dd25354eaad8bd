#include "supervisor/packages/service_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <span>
#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

// Room for the largest message, several times.
constexpr int kSocketBufferBytes = 1 << 20;

}  // namespace

void ServiceLink::Start(UniqueFd socket) {
  if (connected()) Lose("another has taken its place");
  if (absl::Status status = Connect(std::move(socket)); !status.ok()) {
    spdlog::error("event=service_not_watched service={} error=\"{}\"", name_,
                  absl::CEscape(status.message()));
    return Disconnect();
  }
  spdlog::info("event=service_started service={}", name_);
}

absl::Status ServiceLink::Connect(UniqueFd socket) {
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket.get()));
  // The kernel caps it silently at its own maximum.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(int)) != 0)
    return Errno("setsockopt SO_SNDBUF of a service's socket");
  WARREN_ASSIGN_OR_RETURN(watch_, loop_.Watch(socket.get(), EPOLLIN, [this](uint32_t events) {
    if ((events & EPOLLOUT) != 0) Flush();
    Read();
  }));
  watched_ = EPOLLIN;
  socket_ = std::move(socket);
  return absl::OkStatus();
}

void ServiceLink::Disconnect() {
  if (watch_ != IoLoop::kNoWatch) loop_.Unwatch(std::exchange(watch_, IoLoop::kNoWatch));
  socket_.reset();
  unsent_.clear();
}

void ServiceLink::Lose(absl::string_view why) {
  if (!connected()) return;
  spdlog::warn("event=service_lost service={} error=\"{}\"", name_, absl::CEscape(why));
  Disconnect();
  on_lost_();
}

void ServiceLink::Read() {
  for (int i = 0; i < kMessagesPerTurn && connected(); ++i) {
    absl::StatusOr<Message> message = ReceiveMessage(socket_.get(), max_message_);
    if (absl::IsUnavailable(message.status())) return;
    absl::Status status = message.status();
    if (status.ok() && message->data.empty() && message->fds.empty()) {
      status = absl::AbortedError("it has ended");
    } else if (status.ok() && !message->fds.empty()) {
      status = absl::InvalidArgumentError("a message of its came with descriptors");
    } else if (status.ok()) {
      status = take_(message->data);
    }
    if (!status.ok()) return Lose(status.message());
  }
}

void ServiceLink::Send(std::string message, UniqueFd fd) {
  if (!connected()) return;
  unsent_.push_back({std::move(message), std::move(fd)});
  if (unsent_.size() > kMaxUnsent) return Lose("it has stopped reading");
  Flush();
}

void ServiceLink::Flush() {
  while (!unsent_.empty()) {
    const Unsent& next = unsent_.front();
    const int fd = next.fd.get();
    const absl::Status status = SendMessage(
        socket_.get(), next.message,
        next.fd.valid() ? std::span<const int>(&fd, 1) : std::span<const int>(), WhenFull::kFail);
    // That it is gone is read.
    if (absl::IsUnavailable(status)) return SetWriting(EPOLLOUT);
    if (!status.ok()) return Lose(status.message());
    unsent_.pop_front();
  }
  SetWriting(0);
}

void ServiceLink::SetWriting(uint32_t events) {
  if (watched_ == (EPOLLIN | events)) return;
  watched_ = EPOLLIN | events;
  if (absl::Status status = loop_.Modify(watch_, watched_); !status.ok()) Lose(status.message());
}

}  // namespace warren
