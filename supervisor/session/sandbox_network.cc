#include "supervisor/session/sandbox_network.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/network/network_policy.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

using internal::RelayRequest;
using warren::v1::NetworkEvent;

// For the sandbox's id and what is around the policy.
constexpr size_t kRoomBesidePolicy = 256;

absl::Status IsDead(const std::string& sandbox_id) {
  return absl::FailedPreconditionError(
      absl::StrCat("sandbox ", sandbox_id, " is dead; create a new one"));
}

}  // namespace

SandboxNetwork::SandboxNetwork(SandboxHost& host, std::string sandbox_id)
    : host_(host), sandbox_id_(std::move(sandbox_id)), audit_(sandbox_id_) {
  policy_.set_preset("none");
}

// ---- Changes ----------------------------------------------------------------------------------

void SandboxNetwork::Set(warren::v1::NetworkPolicy resolved, Done done) {
  if (ended_) return done(IsDead(sandbox_id_));
  if (changes_.size() >= kMaxChanges) {
    return done(absl::UnavailableError(absl::StrCat(
        changes_.size(), " changes of this sandbox's network wait for each other; try again")));
  }
  if (resolved.ByteSizeLong() > kMaxRelayRequestBytes - kRoomBesidePolicy) {
    return done(absl::InvalidArgumentError(
        absl::StrCat("network is larger than ", kMaxRelayRequestBytes - kRoomBesidePolicy,
                     " bytes with the rules of its preset; use fewer rules or port ranges")));
  }
  changes_.push_back({std::move(resolved), std::move(done)});
  if (changes_.size() == 1) BeginNext();
}

void SandboxNetwork::BeginNext() {
  if (open_) return TellRelay();
  // Without sockets nothing is let out.
  if (DeniesEverything(changes_.front().policy)) return Finish(absl::OkStatus());
  Open();
}

void SandboxNetwork::Open() {
  internal::LauncherRequest request;
  internal::OpenNetwork& open = *request.mutable_open_network();
  open.set_sandbox_id(sandbox_id_);
  for (uint16_t port : PortsOf(changes_.front().policy)) open.add_ports(port);
  host_.link.Call(std::move(request),
                  [self = shared_from_this()](absl::StatusOr<LauncherMessage> reply) {
                    self->OnOpened(reply.status());
                  });
}

void SandboxNetwork::OnOpened(absl::Status status) {
  // Who waited was told.
  if (ended_) return;
  if (absl::IsNotFound(status) || absl::IsCancelled(status)) status = IsDead(sandbox_id_);
  if (absl::IsDeadlineExceeded(status)) status = absl::UnavailableError(status.message());
  if (!status.ok()) return Finish(std::move(status));
  open_ = true;
  host_.relay.Add(sandbox_id_, weak_from_this());
  TellRelay();
}

void SandboxNetwork::TellRelay() {
  telling_ = true;
  awaited_ = 0;
  const auto patience = std::chrono::duration_cast<MonotonicTime::duration>(
      std::chrono::duration<double>(kPolicyPatience) * host_.pace);
  patience_ = host_.loop.AddTimer(MonotonicClock::now() + patience, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnPatienceEnds();
  });
  host_.relay.Touch(sandbox_id_);
}

void SandboxNetwork::OnPatienceEnds() {
  patience_ = 0;
  if (!telling_) return;
  telling_ = false;
  // It may come to set it yet, and then the one before again.
  if (std::exchange(awaited_, 0) != 0) host_.relay.Touch(sandbox_id_);
  spdlog::warn("event=network_policy_not_set sandbox={} relay={}", sandbox_id_,
               host_.relay.connected() ? "silent" : "gone");
  Finish(absl::UnavailableError(
      "the relay of the sandboxes' network did not answer in time; the policy before still holds: "
      "try again"));
}

void SandboxNetwork::Finish(absl::Status status) {
  Change change = std::move(changes_.front());
  changes_.pop_front();
  if (status.ok()) {
    policy_ = std::move(change.policy);
    spdlog::info("event=network_policy_set sandbox={} preset=\"{}\" allow={} deny={} revision={}",
                 sandbox_id_, absl::CEscape(policy_.preset()), policy_.allow_size(),
                 policy_.deny_size(), last_revision_);
  }
  // Who is told may end it, or ask for the next, which begins by itself where nothing waited.
  const bool more = !changes_.empty();
  change.done(std::move(status));
  if (more && !changes_.empty()) BeginNext();
}

void SandboxNetwork::OnSandboxEnds() {
  if (std::exchange(ended_, true)) return;
  telling_ = false;
  host_.loop.CancelTimer(std::exchange(patience_, 0));
  if (open_) host_.relay.Remove(sandbox_id_);
  names_.Clear();
  // A dead sandbox stays on record, and its rules are not needed there.
  policy_.Clear();
  policy_.set_preset("none");
  for (Change& change : std::exchange(changes_, {})) change.done(IsDead(sandbox_id_));
  watchers_.End();
}

// ---- The relay --------------------------------------------------------------------------------

std::vector<RelayRequest> SandboxNetwork::Requests(Telling telling) {
  std::vector<RelayRequest> requests;
  if (telling == Telling::kAll) {
    for (internal::RestoreNames& names : names_.Restore())
      *requests.emplace_back().mutable_restore_names() = std::move(names);
  }
  internal::SetRelayPolicy& set = *requests.emplace_back().mutable_set_policy();
  set.set_revision(++last_revision_);
  *set.mutable_policy() = telling_ ? changes_.front().policy : policy_;
  set.set_package_client(package_client_);
  if (telling_) awaited_ = last_revision_;
  return requests;
}

absl::Status SandboxNetwork::OnRelayEvent(internal::RelayEvent event) {
  switch (event.event_case()) {
    case internal::RelayEvent::kPolicySet:
      return OnPolicySet(event.policy_set().revision());
    case internal::RelayEvent::kNameAssigned:
      return names_.Add(std::move(*event.mutable_name_assigned()));
    case internal::RelayEvent::kNetwork:
      Note(event.network());
      return absl::OkStatus();
    case internal::RelayEvent::EVENT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("an event of the relay's is of no kind");
}

absl::Status SandboxNetwork::OnPolicySet(uint64_t revision) {
  if (revision > last_revision_)
    return absl::InvalidArgumentError("the relay has set a policy that it was not told");
  // Of one that was given up, or of what was told to a new relay.
  if (!telling_ || revision != awaited_) return absl::OkStatus();
  telling_ = false;
  host_.loop.CancelTimer(std::exchange(patience_, 0));
  Finish(absl::OkStatus());
  return absl::OkStatus();
}

void SandboxNetwork::OnRelayLost() {
  awaited_ = 0;
  NetworkEvent lost;
  *lost.mutable_at() = ToProto(absl::Now());
  lost.set_verdict(NetworkEvent::NETWORK_LOST);
  lost.set_reason("the relay of the sandboxes' network has ended; every connection is cut");
  Note(lost);
}

void SandboxNetwork::Note(const NetworkEvent& event) {
  audit_.Note(event, MonotonicClock::now());
  watchers_.Tell(event);
}

}  // namespace warren
