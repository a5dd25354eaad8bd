#include "supervisor/packages/store_link.h"

#include <utility>

#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxReplyBytes = 128 << 10;
constexpr size_t kMaxMessage = 2048;
// Of one list: what a store of its full size may have.
constexpr int kMostListed = 65536;

absl::Status NoStore() {
  return absl::UnavailableError("the package store is not there just now; try again");
}

internal::StoreRequest UseRequest(const std::string& digest) {
  internal::StoreRequest request;
  request.mutable_use_set()->set_digest(digest);
  return request;
}

}  // namespace

StoreLink::StoreLink(IoLoop& loop)
    : link_(
          loop, "package store", kMaxReplyBytes,
          [this](absl::string_view message) { return Take(message); }, [this] { OnLost(); }) {}

void StoreLink::Start(UniqueFd socket) {
  link_.Start(std::move(socket));
  for (const auto& [digest, count] : uses_) {
    for (int i = 0; i < count; ++i)
      Call(UseRequest(digest), [](const absl::StatusOr<internal::StoreReply>&) {});
  }
}

void StoreLink::Call(internal::StoreRequest request, Callback on_reply, UniqueFd fd) {
  if (!link_.connected()) return on_reply(NoStore());
  request.set_id(++last_id_);
  pending_[last_id_].on_reply = std::move(on_reply);
  link_.Send(request.SerializeAsString(), std::move(fd));
}

void StoreLink::Use(const std::string& digest, Callback on_reply) {
  Call(UseRequest(digest), [this, digest, on_reply = std::move(on_reply)](
                               absl::StatusOr<internal::StoreReply> reply) mutable {
    if (reply.ok()) ++uses_[digest];
    on_reply(std::move(reply));
  });
}

void StoreLink::Release(const std::string& digest) {
  auto use = uses_.find(digest);
  if (use == uses_.end()) return;
  if (--use->second == 0) uses_.erase(use);
  internal::StoreRequest request;
  request.mutable_release_set()->set_digest(digest);
  Call(std::move(request), [](const absl::StatusOr<internal::StoreReply>&) {});
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
    all.MergeFrom(reply.contents());
    if (all.sets_size() > kMostListed || all.packages_size() > kMostListed)
      return absl::InvalidArgumentError("the store lists more than it can have");
    if (reply.contents().more()) return absl::OkStatus();
    all.set_more(false);
    *reply.mutable_contents() = std::move(all);
  }
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
  for (auto& [id, pending] : std::exchange(pending_, {})) pending.on_reply(NoStore());
}

}  // namespace warren
