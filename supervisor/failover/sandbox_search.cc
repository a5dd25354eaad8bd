#include "supervisor/failover/sandbox_search.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"
#include "supervisor/failover/no_such_sandbox.h"

namespace warren {
namespace {

// INVALID_ARGUMENT: no sandbox of that backend's can be called so.
bool SaysThatThereIsNone(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsInvalidArgument(status);
}

}  // namespace

void SandboxSearch::Start(const std::vector<std::shared_ptr<Member>>& members) {
  timers_->Post([self = shared_from_this(), members] {
    self->waited_for_ = members.size();
    for (const auto& member : members) self->Ask(member);
  });
}

void SandboxSearch::Ask(const std::shared_ptr<Member>& member) {
  if (member->lost()) return OnAnswer(member, nullptr, member->problem());
  Call call = call_;
  call.deadline = std::min(call.deadline, timers_->WallNow() + kAskPatience);
  member->backend().Open(call, id_,
                         AnsweredWithin<std::shared_ptr<SandboxHandle>>(
                             timers_, kAskPatience,
                             [self = shared_from_this(),
                              member](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
                               self->OnOpened(member, std::move(handle));
                             }));
}

void SandboxSearch::OnOpened(const std::shared_ptr<Member>& member,
                             absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
  if (!handle.ok()) return OnAnswer(member, nullptr, handle.status());
  // Where Open takes a way to another machine it has asked nobody.
  Call call = call_;
  call.deadline = std::min(call.deadline, timers_->WallNow() + kAskPatience);
  (*handle)->Get(call,
                 AnsweredWithin<v1::Sandbox>(timers_, kAskPatience,
                                             [self = shared_from_this(), member, handle = *handle](
                                                 const absl::StatusOr<v1::Sandbox>& answer) {
                                               self->OnAnswer(member, handle, answer.status());
                                             }));
}

void SandboxSearch::OnAnswer(const std::shared_ptr<Member>& member,
                             std::shared_ptr<SandboxHandle> handle, const absl::Status& answer) {
  --waited_for_;
  if (reply_ == nullptr) return;
  if (handle != nullptr && answer.ok()) {
    return std::exchange(reply_, nullptr)(Found{member, std::move(handle)});
  }
  if (!SaysThatThereIsNone(answer)) silent_.push_back(member->name());
  if (waited_for_ > 0) return;
  if (silent_.empty()) return std::exchange(reply_, nullptr)(NoSuchSandbox());
  std::sort(silent_.begin(), silent_.end());
  std::exchange(reply_, nullptr)(absl::UnavailableError(
      absl::StrCat("it is not known where the sandbox is: it could not be asked of ",
                   absl::StrJoin(silent_, ", "), "; try again when that backend is back")));
}

}  // namespace warren
