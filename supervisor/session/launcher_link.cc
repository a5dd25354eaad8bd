#include "supervisor/session/launcher_link.h"

#include <sys/epoll.h>

#include <utility>

#include "runtime/base/status.h"

namespace warren {
namespace {

// Replies handled in a row before sandboxes have their turn.
constexpr int kMessagesPerTurn = 32;

}  // namespace

absl::Status LauncherLink::Start(EventCallback on_event,
                                 absl::AnyInvocable<void(absl::Status)> on_closed) {
  on_event_ = std::move(on_event);
  on_closed_ = std::move(on_closed);
  WARREN_ASSIGN_OR_RETURN(watch_, loop_.Watch(client_->socket(), EPOLLIN,
                                              [this](uint32_t events) { OnReady(events); }));
  MutexLock lock(&mu_);
  open_ = true;
  return absl::OkStatus();
}

void LauncherLink::Call(internal::LauncherRequest request, ReplyCallback on_reply) {
  {
    MutexLock lock(&mu_);
    if (open_) {
      request.set_request_id(++last_request_id_);
      pending_.emplace(last_request_id_, std::move(on_reply));
      unsent_.push_back(request.SerializeAsString());
      if (!FlushLocked()) {
        loop_.Post([this] {
          if (absl::Status status = loop_.Modify(watch_, EPOLLIN | EPOLLOUT); !status.ok()) {
            FailAll(status);
          }
        });
      }
      return;
    }
  }
  if (!on_reply) return;
  loop_.Post([on_reply = std::move(on_reply)]() mutable {
    on_reply(absl::UnavailableError("the launcher is gone; the supervisor is stopping"));
  });
}

bool LauncherLink::FlushLocked() {
  while (!unsent_.empty()) {
    absl::Status sent = client_->SendSerialized(unsent_.front());
    if (absl::IsUnavailable(sent)) return false;
    // Any other error means that the launcher is gone; its end of file answers those that wait.
    unsent_.pop_front();
  }
  return true;
}

void LauncherLink::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    MutexLock lock(&mu_);
    if (FlushLocked()) {
      absl::Status status = loop_.Modify(watch_, EPOLLIN);
      (void)status;  // The descriptor is being watched: this is its own callback.
    }
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read();
}

void LauncherLink::Read() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    absl::StatusOr<LauncherMessage> message = client_->Receive();
    if (message.ok()) {
      Dispatch(*std::move(message));
      if (!client_->open()) return;  // A callback closed the link.
    } else if (absl::IsUnavailable(message.status())) {
      return;
    } else {
      loop_.Unwatch(watch_);
      FailAll(message.status());
      on_closed_(message.status());
      return;
    }
  }
}

void LauncherLink::Dispatch(LauncherMessage message) {
  if (message.reply.request_id() == 0) {
    on_event_(std::move(message));
    return;
  }
  ReplyCallback on_reply;
  {
    MutexLock lock(&mu_);
    auto pending = pending_.find(message.reply.request_id());
    if (pending == pending_.end()) return;
    on_reply = std::move(pending->second);
    pending_.erase(pending);
  }
  if (!on_reply) return;
  if (message.reply.code() != 0) {
    on_reply(
        absl::Status(static_cast<absl::StatusCode>(message.reply.code()), message.reply.message()));
  } else {
    on_reply(std::move(message));
  }
}

void LauncherLink::FailAll(const absl::Status& why) {
  std::unordered_map<uint64_t, ReplyCallback> pending;
  {
    MutexLock lock(&mu_);
    open_ = false;
    pending.swap(pending_);
    unsent_.clear();
  }
  for (auto& [id, on_reply] : pending) {
    if (on_reply) on_reply(absl::UnavailableError(why.message()));
  }
}

void LauncherLink::Close() {
  loop_.Unwatch(watch_);
  FailAll(absl::UnavailableError("the supervisor is stopping"));
  client_->CloseSocket();
}

}  // namespace warren
