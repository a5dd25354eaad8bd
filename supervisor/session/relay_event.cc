#include "supervisor/session/relay_event.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "runtime/base/status.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

using google::protobuf::util::TimeUtil;
using internal::RelayEvent;
using warren::v1::NetworkEvent;

constexpr size_t kMaxSandboxIdBytes = 64;
constexpr size_t kMaxReasonBytes = 512;
constexpr uint32_t kMaxPort = 65535;
constexpr int32_t kNanosPerSecond = 1'000'000'000;

// Without a word of the relay's in it: it goes into the log.
absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("an event of the relay's: ", what));
}

bool IsHostName(const std::string& name) {
  const absl::StatusOr<std::string> normal = NormalizeHostName(name);
  return normal.ok() && *normal == name;
}

absl::Status CheckAssigned(const internal::NameAssigned& assigned) {
  if (!IsHostName(assigned.name())) return Malformed("name_assigned.name is no host name");
  if (assigned.index() == 0) return Malformed("name_assigned.index is 0");
  if (assigned.index() > kMaxNameIndex) return Malformed("name_assigned.index is beyond 131071");
  return absl::OkStatus();
}

bool IsTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= TimeUtil::kTimestampMinSeconds &&
         time.seconds() <= TimeUtil::kTimestampMaxSeconds && time.nanos() >= 0 &&
         time.nanos() < kNanosPerSecond;
}

absl::Status CheckNetwork(const NetworkEvent& event) {
  // That the relay is lost is not for itself to say.
  if (event.verdict() != NetworkEvent::ALLOWED && event.verdict() != NetworkEvent::DENIED &&
      event.verdict() != NetworkEvent::FAILED) {
    return Malformed("network.verdict is none that it can give");
  }
  if (!event.has_at() || !IsTime(event.at())) return Malformed("network.at is no time");
  if (!event.name().empty() && !IsHostName(event.name()))
    return Malformed("network.name is no host name");
  if (!event.address().empty() && !ParseAddress(event.address()).ok())
    return Malformed("network.address is no address");
  if (event.port() > kMaxPort) return Malformed("network.port is beyond 65535");
  if (event.reason().size() > kMaxReasonBytes)
    return Malformed("network.reason is longer than 512 bytes");
  if (event.bytes_sent() < 0 || event.bytes_received() < 0)
    return Malformed("network has a negative number of bytes");
  if (event.lost() < 0 || event.lost() > kMostLostEvents)
    return Malformed("network.lost is negative or beyond 2^40");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RelayEvent> ParseRelayEvent(absl::string_view message) {
  if (message.size() > kMaxRelayEventBytes) return Malformed("it is longer than 4 KiB");
  RelayEvent event;
  if (!event.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return Malformed("it does not parse");
  event.DiscardUnknownFields();
  if (event.sandbox_id().empty() || event.sandbox_id().size() > kMaxSandboxIdBytes)
    return Malformed("sandbox_id is empty or longer than 64 bytes");
  switch (event.event_case()) {
    case RelayEvent::kPolicySet:
      if (event.policy_set().revision() == 0) return Malformed("policy_set.revision is 0");
      return event;
    case RelayEvent::kNameAssigned:
      WARREN_RETURN_IF_ERROR(CheckAssigned(event.name_assigned()));
      return event;
    case RelayEvent::kNetwork:
      WARREN_RETURN_IF_ERROR(CheckNetwork(event.network()));
      return event;
    case RelayEvent::EVENT_NOT_SET:
      break;
  }
  return Malformed("it is of no kind");
}

}  // namespace warren
