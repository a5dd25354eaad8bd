#include "supervisor/session/relay_link.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/relay_event.h"

namespace warren {
namespace {

// Room for the largest request, twice.
constexpr int kSocketBufferBytes = 1 << 20;

}  // namespace

// ---- The relay that is there ------------------------------------------------------------------

void RelayLink::Start(UniqueFd socket) {
  if (connected()) {
    // The launcher may have seen its end first. Names that it told of are known inside.
    for (int turn = 0; turn < kLastTurns && Read() == Left::kMore; ++turn) {
    }
    if (connected()) Lose("another has taken its place");
  }
  if (absl::Status status = Connect(std::move(socket)); !status.ok()) {
    spdlog::error("event=relay_not_watched error=\"{}\"", absl::CEscape(status.message()));
    return Disconnect();
  }
  spdlog::info("event=relay_started sandboxes={}", entries_.size());
  for (auto& [id, entry] : entries_) {
    entry.queued = true;
    queue_.push_back(id);
  }
  Flush();
}

absl::Status RelayLink::Connect(UniqueFd socket) {
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket.get()));
  // The kernel caps it silently at its own maximum.
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof(int)) != 0)
    return Errno("setsockopt SO_SNDBUF of the relay's socket");
  WARREN_ASSIGN_OR_RETURN(
      watch_, loop_.Watch(socket.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); }));
  watched_ = EPOLLIN;
  ends_ = false;
  socket_ = std::move(socket);
  return absl::OkStatus();
}

void RelayLink::Disconnect() {
  if (watch_ != IoLoop::kNoWatch) loop_.Unwatch(std::exchange(watch_, IoLoop::kNoWatch));
  socket_.reset();
  queue_.clear();
  to_forget_.clear();
  unsent_.clear();
  forgotten_.clear();
  is_forgotten_.clear();
  for (auto& [id, entry] : entries_) entry.told = entry.queued = false;
}

void RelayLink::Lose(absl::string_view why) {
  spdlog::warn("event=relay_lost error=\"{}\"", absl::CEscape(why));
  Disconnect();
  // Those who hear of it may come and go.
  std::vector<std::shared_ptr<RelayClient>> clients;
  clients.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) {
    if (auto client = entry.client.lock()) clients.push_back(std::move(client));
  }
  for (const auto& client : clients) client->OnRelayLost();
}

void RelayLink::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  Read();
}

// ---- What it tells ----------------------------------------------------------------------------

RelayLink::Left RelayLink::Read() {
  for (int i = 0; i < kMessagesPerTurn && connected(); ++i) {
    absl::StatusOr<Message> message = ReceiveMessage(socket_.get(), kMaxRelayEventBytes);
    if (absl::IsUnavailable(message.status())) return Left::kNothing;
    absl::Status status = message.status();
    if (status.ok() && message->data.empty() && message->fds.empty()) {
      // One that died with something unread shows that first, and then what it had told.
      if (!std::exchange(ends_, true)) continue;
      status = absl::AbortedError("it has ended");
    } else if (status.ok() && !message->fds.empty()) {
      status = absl::InvalidArgumentError("an event of the relay's came with descriptors");
    } else if (status.ok()) {
      status = Take(message->data);
    }
    if (!status.ok()) {
      Lose(status.message());
      return Left::kNothing;
    }
  }
  return connected() ? Left::kMore : Left::kNothing;
}

absl::Status RelayLink::Take(absl::string_view message) {
  WARREN_ASSIGN_OR_RETURN(internal::RelayEvent event, ParseRelayEvent(message));
  auto entry = entries_.find(event.sandbox_id());
  if (entry == entries_.end()) {
    if (is_forgotten_.contains(event.sandbox_id())) return absl::OkStatus();
    return absl::InvalidArgumentError("an event of the relay's is of a sandbox that has none");
  }
  if (!entry->second.told) {
    return absl::InvalidArgumentError(
        "an event of the relay's is of a sandbox that it was not told of");
  }
  auto client = entry->second.client.lock();
  return client ? client->OnRelayEvent(std::move(event)) : absl::OkStatus();
}

// ---- What it is told --------------------------------------------------------------------------

void RelayLink::Add(const std::string& sandbox_id, std::weak_ptr<RelayClient> client) {
  entries_[sandbox_id].client = std::move(client);
}

void RelayLink::Touch(const std::string& sandbox_id) {
  auto entry = entries_.find(sandbox_id);
  if (!connected() || entry == entries_.end()) return;
  if (!std::exchange(entry->second.queued, true)) queue_.push_back(sandbox_id);
  Flush();
}

void RelayLink::Remove(const std::string& sandbox_id) {
  auto entry = entries_.find(sandbox_id);
  if (entry == entries_.end()) return;
  const bool told = entry->second.told;
  entries_.erase(entry);
  if (!connected() || !told) return;
  NoteForgotten(sandbox_id);
  to_forget_.push_back(sandbox_id);
  if (queue_.size() + to_forget_.size() > kMaxQueued)
    return Lose("it does not read what it is told");
  Flush();
}

void RelayLink::NoteForgotten(const std::string& sandbox_id) {
  forgotten_.push_back(sandbox_id);
  is_forgotten_.insert(sandbox_id);
  if (forgotten_.size() <= kMaxForgotten) return;
  is_forgotten_.erase(forgotten_.front());
  forgotten_.pop_front();
}

bool RelayLink::FillUnsent() {
  while (unsent_.empty() && !to_forget_.empty()) {
    internal::RelayRequest request;
    request.set_sandbox_id(std::move(to_forget_.front()));
    request.mutable_forget();
    to_forget_.pop_front();
    unsent_.push_back(request.SerializeAsString());
  }
  while (unsent_.empty() && !queue_.empty()) {
    const std::string id = std::move(queue_.front());
    queue_.pop_front();
    auto entry = entries_.find(id);
    // It has gone since.
    if (entry == entries_.end()) continue;
    entry->second.queued = false;
    auto client = entry->second.client.lock();
    if (!client) continue;
    const bool told = std::exchange(entry->second.told, true);
    for (internal::RelayRequest& request :
         client->Requests(told ? RelayClient::Telling::kNews : RelayClient::Telling::kAll)) {
      request.set_sandbox_id(id);
      unsent_.push_back(request.SerializeAsString());
    }
  }
  return !unsent_.empty();
}

void RelayLink::Flush() {
  while (connected() && FillUnsent()) {
    absl::Status sent = SendMessage(socket_.get(), unsent_.front(), {}, WhenFull::kFail);
    // Of one that is gone the end is read, behind what it has told.
    if (absl::IsUnavailable(sent)) return SetWriting(EPOLLIN | EPOLLOUT);
    if (!sent.ok()) {
      // What it was not told the next message would contradict. But for a policy that no message
      // has room for: its sandbox stays without, and nothing is let out of it.
      if (unsent_.front().size() <= kMaxRelayRequestBytes)
        return Lose(absl::CEscape(sent.message()));
      spdlog::error("event=relay_request_lost bytes={} error=\"{}\"", unsent_.front().size(),
                    absl::CEscape(sent.message()));
    }
    unsent_.pop_front();
  }
  if (connected()) SetWriting(EPOLLIN);
}

void RelayLink::SetWriting(uint32_t events) {
  if (std::exchange(watched_, events) == events) return;
  // It is being watched.
  loop_.Modify(watch_, events).IgnoreError();
}

}  // namespace warren
