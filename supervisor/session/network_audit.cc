#include "supervisor/session/network_audit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/relay_event.h"

namespace warren {

using warren::v1::NetworkEvent;

std::optional<int64_t> NetworkAudit::Admit(const NetworkEvent& event, MonotonicTime now) {
  // Those that the relay had no room for are in no line either.
  unlogged_ = std::min(unlogged_ + event.lost(), kMostLostEvents);
  next_ = std::max(next_, now - (kBurst - 1) * kAuditInterval);
  if (next_ > now) {
    ++unlogged_;
    return std::nullopt;
  }
  next_ += kAuditInterval;
  return std::exchange(unlogged_, 0);
}

void NetworkAudit::Note(const NetworkEvent& event, MonotonicTime now) {
  const std::optional<int64_t> unlogged = Admit(event, now);
  if (!unlogged) return;
  spdlog::info(
      "event=network sandbox={} verdict={} name=\"{}\" address=\"{}\" port={} sent={} received={} "
      "reason=\"{}\" unlogged={}",
      sandbox_id_, absl::AsciiStrToLower(NetworkEvent::Verdict_Name(event.verdict())),
      absl::CEscape(event.name()), absl::CEscape(event.address()), event.port(), event.bytes_sent(),
      event.bytes_received(), absl::CEscape(event.reason()), *unlogged);
}

}  // namespace warren
