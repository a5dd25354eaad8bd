#include "runtime/relay/supervisor_door.h"

#include <sys/epoll.h>

#include <utility>

#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// A policy, or names: the supervisor's bound on both is below.
constexpr size_t kMaxRequest = 160 << 10;
// Events of connections that wait for the supervisor: of one sandbox, and of all.
constexpr size_t kMaxWaiting = 256;
constexpr size_t kMaxUnsent = 16384;
constexpr int kReadsAtATime = 16;

}  // namespace

absl::Status SupervisorDoor::Start(OnRequest on_request, std::function<void(absl::Status)> on_end) {
  on_request_ = std::move(on_request);
  on_end_ = std::move(on_end);
  WARREN_RETURN_IF_ERROR(SetNonBlocking(socket_.get()));
  watched_ = EPOLLIN;
  WARREN_ASSIGN_OR_RETURN(
      watch_, loop_.Watch(socket_.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); }));
  return absl::OkStatus();
}

void SupervisorDoor::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Read();
}

void SupervisorDoor::Read() {
  for (int read = 0; read < kReadsAtATime; ++read) {
    absl::StatusOr<Message> message = ReceiveMessage(socket_.get(), kMaxRequest);
    if (absl::IsUnavailable(message.status())) return;
    if (!message.ok()) return on_end_(message.status());
    if (message->data.empty()) return on_end_(absl::OkStatus());
    internal::RelayRequest request;
    if (!message->fds.empty() || !request.ParseFromString(message->data))
      return on_end_(absl::InvalidArgumentError("the supervisor's request is malformed"));
    on_request_(request);
  }
}

void SupervisorDoor::TellPolicySet(const std::string& sandbox_id, uint64_t revision) {
  internal::RelayEvent event;
  event.set_sandbox_id(sandbox_id);
  event.mutable_policy_set()->set_revision(revision);
  // One that asks and does not listen is none.
  if (unsent_.size() >= 2 * kMaxUnsent)
    return on_end_(absl::ResourceExhaustedError("the supervisor does not read its answers"));
  Queue(event, "");
}

bool SupervisorDoor::TellName(const std::string& sandbox_id, const std::string& name,
                              uint32_t index) {
  internal::RelayEvent event;
  event.set_sandbox_id(sandbox_id);
  event.mutable_name_assigned()->set_name(name);
  event.mutable_name_assigned()->set_index(index);
  // In the kernel's hands it outlives this process, here it would not.
  return SendMessage(socket_.get(), event.SerializeAsString(), {}, WhenFull::kFail).ok();
}

void SupervisorDoor::TellNetwork(const std::string& sandbox_id, v1::NetworkEvent event) {
  auto waiting = waiting_.find(sandbox_id);
  if (unsent_.size() >= kMaxUnsent ||
      (waiting != waiting_.end() && waiting->second >= kMaxWaiting)) {
    ++lost_[sandbox_id];
    return;
  }
  auto lost = lost_.find(sandbox_id);
  if (lost != lost_.end()) {
    event.set_lost(lost->second);
    lost_.erase(lost);
  }
  *event.mutable_at() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::GetCurrentTimeNanos());
  internal::RelayEvent told;
  told.set_sandbox_id(sandbox_id);
  *told.mutable_network() = std::move(event);
  Queue(told, sandbox_id);
}

void SupervisorDoor::Queue(const internal::RelayEvent& event, std::string sandbox_id) {
  if (!sandbox_id.empty()) ++waiting_[sandbox_id];
  const bool was_empty = unsent_.empty();
  unsent_.push_back({event.SerializeAsString(), std::move(sandbox_id)});
  if (was_empty) Flush();
}

void SupervisorDoor::Flush() {
  while (!unsent_.empty()) {
    const Unsent& next = unsent_.front();
    const absl::Status sent = SendMessage(socket_.get(), next.data, {}, WhenFull::kFail);
    // It is full, or gone, which is read.
    if (absl::IsUnavailable(sent)) break;
    if (!sent.ok()) return on_end_(sent);
    auto waiting = waiting_.find(next.sandbox_id);
    if (waiting != waiting_.end() && --waiting->second == 0) waiting_.erase(waiting);
    unsent_.pop_front();
  }
  const uint32_t events = EPOLLIN | (unsent_.empty() ? 0u : EPOLLOUT);
  if (std::exchange(watched_, events) != events) loop_.Modify(watch_, events).IgnoreError();
}

}  // namespace warren
