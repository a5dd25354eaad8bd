#include "supervisor/packages/store_link.h"

#include <chrono>
#include <utility>

#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxReplyBytes = 128 << 10;
constexpr size_t kMaxMessage = 2048;
// Of one list.
constexpr int kMostListed = 8192;
// On a host of pace 1 (docs/TIMING.md): a store that reads all that it has.
constexpr std::chrono::minutes kStorePatience(30);

absl::Status NoStore() {
  return absl::UnavailableError("the package store is not there just now; try again");
}

internal::StoreRequest UseRequest(const std::string& digest) {
  internal::StoreRequest request;
  request.mutable_use_set()->set_digest(digest);
  return request;
}

}  // namespace

StoreLink::StoreLink(IoLoop& loop, double pace)
    : loop_(loop),
      pace_(pace),
      link_(
          loop, "package store", kMaxReplyBytes,
          [this](absl::string_view message) { return Take(message); }, [this] { OnLost(); }) {}

void StoreLink::Start(UniqueFd socket) {
  link_.Start(std::move(socket));
  for (auto& [digest, uses] : uses_) {
    uses.told = 1;
    Call(UseRequest(digest), [](const absl::StatusOr<internal::StoreReply>&) {});
  }
}

void StoreLink::Call(internal::StoreRequest request, Callback on_reply, UniqueFd fd) {
  if (!link_.connected()) return on_reply(NoStore());
  request.set_id(++last_id_);
  Pending& pending = pending_[last_id_];
  pending.on_reply = std::move(on_reply);
  const auto patience = std::chrono::duration_cast<MonotonicTime::duration>(
      std::chrono::duration<double>(kStorePatience) * pace_);
  pending.patience = loop_.AddTimer(MonotonicClock::now() + patience,
                                    [this] { link_.Lose("it does not answer"); });
  link_.Send(request.SerializeAsString(), std::move(fd));
}

void StoreLink::Use(const std::string& digest, Callback on_reply) {
  if (auto uses = uses_.find(digest); uses != uses_.end()) {
    ++uses->second.count;
    return on_reply(internal::StoreReply());
  }
  Call(UseRequest(digest), [this, digest, on_reply = std::move(on_reply)](
                               absl::StatusOr<internal::StoreReply> reply) mutable {
    if (reply.ok()) {
      ++uses_[digest].count;
      ++uses_[digest].told;
    }
    on_reply(std::move(reply));
  });
}

void StoreLink::Release(const std::string& digest) {
  auto use = uses_.find(digest);
  if (use == uses_.end()) return;
  if (--use->second.count > 0) return;
  const int told = use->second.told;
  uses_.erase(use);
  internal::StoreRequest request;
  request.mutable_release_set()->set_digest(digest);
  for (int i = 0; i < told; ++i) Call(request, [](const absl::StatusOr<internal::StoreReply>&) {});
}

int StoreLink::uses(const std::string& digest) const {
  auto found = uses_.find(digest);
  return found == uses_.end() ? 0 : found->second.count;
}

void StoreLink::Close() {
  link_.Close();
  OnLost();
}

absl::Status StoreLink::Take(absl::string_view message) {
  internal::StoreReply reply;
  if (!reply.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return absl::InvalidArgumentError("a reply of the store's cannot be understood");
  auto found = pending_.find(reply.id());
  if (found == pending_.end())
    return absl::InvalidArgumentError("the store has answered what it was not asked");
  Pending& pending = found->second;
  if (reply.has_contents()) {
    internal::StoreContents& all = pending.contents;
    // What is more than anybody is told is not kept.
    if (all.sets_size() < kMostListed && all.packages_size() < kMostListed)
      all.MergeFrom(reply.contents());
    if (reply.contents().more()) return absl::OkStatus();
    all.set_more(false);
    *reply.mutable_contents() = std::move(all);
  }
  loop_.CancelTimer(pending.patience);
  Callback on_reply = std::move(pending.on_reply);
  pending_.erase(found);
  if (reply.code() != 0) {
    on_reply(absl::Status(static_cast<absl::StatusCode>(reply.code()),
                          ToValidUtf8(reply.message(), kMaxMessage)));
  } else {
    on_reply(std::move(reply));
  }
  return absl::OkStatus();
}

void StoreLink::OnLost() {
  for (auto& [id, pending] : std::exchange(pending_, {})) {
    loop_.CancelTimer(pending.patience);
    pending.on_reply(NoStore());
  }
}

}  // namespace warren
