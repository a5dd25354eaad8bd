// What a hostile relay tells the supervisor: messages, each behind its length in two bytes, and the
// names in them.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/network/address.h"
#include "runtime/network/host_name.h"
#include "supervisor/session/network_names.h"
#include "supervisor/session/relay_event.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckName(const std::string& name) {
  const auto normal = NormalizeHostName(name);
  Check(normal.ok() && *normal == name);
  // It goes into the log.
  for (const char c : name) Check(c > ' ' && c < 127 && c != '"' && c != '\\');
}

void CheckNetwork(const warren::v1::NetworkEvent& event) {
  Check(event.verdict() != warren::v1::NetworkEvent::NETWORK_LOST);
  Check(warren::v1::NetworkEvent::Verdict_IsValid(event.verdict()));
  Check(event.at().nanos() >= 0);
  if (!event.name().empty()) CheckName(event.name());
  if (!event.address().empty()) Check(ParseAddress(event.address()).ok());
  Check(event.port() <= 65535 && event.reason().size() <= 512);
  Check(event.bytes_sent() >= 0 && event.bytes_received() >= 0);
  Check(event.lost() >= 0 && event.lost() <= kMostLostEvents);
}

void CheckMessage(absl::string_view message, NetworkNames& names) {
  const auto event = ParseRelayEvent(message);
  if (!event.ok()) return;
  Check(message.size() <= kMaxRelayEventBytes);
  Check(!event->sandbox_id().empty() && event->sandbox_id().size() <= 64);
  Check(event->event_case() != internal::RelayEvent::EVENT_NOT_SET);
  if (event->has_policy_set()) Check(event->policy_set().revision() != 0);
  if (event->has_network()) CheckNetwork(event->network());
  if (!event->has_name_assigned()) return;
  CheckName(event->name_assigned().name());
  Check(event->name_assigned().index() <= kMaxNameIndex);
  const size_t before = names.size();
  const bool added = names.Add(event->name_assigned()).ok();
  Check(names.size() == before + (added ? 1 : 0));
  Check(!names.Add(event->name_assigned()).ok());
}

void CheckNames(const NetworkNames& names) {
  NetworkNames restored;
  for (const internal::RestoreNames& message : names.Restore()) {
    Check(message.ByteSizeLong() <= NetworkNames::kMaxRestoreBytes);
    for (const internal::NameAssigned& name : message.names()) Check(restored.Add(name).ok());
  }
  Check(restored.size() == names.size() && names.size() <= NetworkNames::kMaxNames);
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  warren::NetworkNames names;
  warren::CheckMessage(bytes, names);
  while (bytes.size() >= 2) {
    const size_t length = static_cast<uint8_t>(bytes[0]) << 8 | static_cast<uint8_t>(bytes[1]);
    bytes.remove_prefix(2);
    const absl::string_view message = bytes.substr(0, length);
    bytes.remove_prefix(message.size());
    warren::CheckMessage(message, names);
  }
  warren::CheckNames(names);
  return 0;
}
