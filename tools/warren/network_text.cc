#include "tools/warren/network_text.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

absl::Status NoRule(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", Safe(text), "\" is no HOST[:PORTS]: ", why,
                   "; want e.g. pip.test:443, *.example.com or 203.0.113.0/24:80,8000-8010"));
}

bool ParsePort(absl::string_view text, uint32_t* port) {
  return absl::SimpleAtoi(text, port) && *port >= 1 && *port <= 65535;
}

// Whether it was one; "8000-8010" or "443".
bool ParseRange(absl::string_view text, v1::PortRange* range) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  uint32_t first = 0;
  uint32_t last = 0;
  if (!ParsePort(ends.first, &first)) return false;
  range->set_first(first);
  if (!absl::StrContains(text, '-')) return true;
  if (!ParsePort(ends.second, &last) || last < first) return false;
  range->set_last(last);
  return true;
}

// The host, and what is behind the colon after it; without a colon nothing is.
struct HostAndPorts {
  absl::string_view host;
  absl::string_view ports;
  bool has_ports = false;
};

absl::StatusOr<HostAndPorts> Divide(absl::string_view text) {
  HostAndPorts parts;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return NoRule(text, "its bracket is not closed");
    parts.host = text.substr(1, end - 1);
    absl::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return NoRule(text, "only ports may follow its bracket");
    parts.has_ports = !rest.empty();
    if (parts.has_ports) parts.ports = rest.substr(1);
    return parts;
  }
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) {
    parts.host = text;
  } else if (absl::StrContains(text.substr(colon + 1), ':')) {
    // Which of its colons would stand before the ports?
    if (text.find_first_not_of("0123456789abcdefABCDEF:./") != absl::string_view::npos)
      return NoRule(text, "it has several colons, and is no IPv6 address");
    parts.host = text;
  } else {
    parts.host = text.substr(0, colon);
    parts.has_ports = true;
    parts.ports = text.substr(colon + 1);
  }
  return parts;
}

std::string PortsJoined(const v1::NetworkRule& rule, absl::string_view separator) {
  return absl::StrJoin(rule.ports(), separator, [](std::string* out, const v1::PortRange& range) {
    absl::StrAppend(out, range.first());
    if (range.last() > range.first()) absl::StrAppend(out, "-", range.last());
  });
}

// "; allow pip.test:443 and 3 more"
using Rules = google::protobuf::RepeatedPtrField<v1::NetworkRule>;
std::string Abridged(absl::string_view verb, const Rules& rules) {
  if (rules.empty()) return "";
  std::string text = absl::StrCat("; ", verb, " ", FormatNetworkRule(rules[0]));
  if (rules.size() > 1) absl::StrAppend(&text, " and ", rules.size() - 1, " more");
  return text;
}

std::string PresetOf(const v1::NetworkPolicy& policy) {
  return policy.preset().empty() ? "none" : Safe(policy.preset());
}

std::string VerdictOf(const v1::NetworkEvent& event) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(v1::NetworkEvent::Verdict_Name(event.verdict())),
                             {{"_", " "}});
}

// "pip.test:443", or the address where the program used one.
std::string TargetOf(const v1::NetworkEvent& event) {
  const std::string& host = event.name().empty() ? event.address() : event.name();
  if (host.empty()) return "-";
  const bool colons = absl::StrContains(host, ':');
  return absl::StrCat(colons ? "[" : "", Safe(host), colons ? "]" : "", ":", event.port());
}

}  // namespace

absl::StatusOr<v1::NetworkRule> ParseNetworkRule(absl::string_view text) {
  absl::StatusOr<HostAndPorts> parts = Divide(text);
  if (!parts.ok()) return parts.status();
  if (parts->host.empty()) return NoRule(text, "it has no host");
  v1::NetworkRule rule;
  rule.set_host(std::string(parts->host));
  if (!parts->has_ports) return rule;
  for (absl::string_view range : absl::StrSplit(parts->ports, ',')) {
    if (!ParseRange(range, rule.add_ports())) {
      return NoRule(text, absl::StrCat("\"", Safe(range),
                                       "\" is no port from 1 to 65535, and no "
                                       "range of them"));
    }
  }
  return rule;
}

std::string FormatNetworkRule(const v1::NetworkRule& rule) {
  if (rule.ports().empty()) return Safe(rule.host());
  const bool colons = absl::StrContains(rule.host(), ':');
  return absl::StrCat(colons ? "[" : "", Safe(rule.host()), colons ? "]" : "", ":",
                      PortsJoined(rule, ","));
}

std::string FormatPorts(const v1::NetworkRule& rule) {
  return rule.ports().empty() ? "all" : PortsJoined(rule, ", ");
}

std::string SummarizeNetwork(const v1::NetworkPolicy& policy) {
  return absl::StrCat(PresetOf(policy), Abridged("allow", policy.allow()),
                      Abridged("deny", policy.deny()));
}

Facts NetworkFacts(const v1::NetworkPolicy& policy) {
  return {{"preset", PresetOf(policy)},
          {"bandwidth",
           policy.bytes_per_second() == 0
               ? "no bound"
               : absl::StrCat(FormatBytes(policy.bytes_per_second()), " a second each way")},
          {"connections", policy.max_connections() == 0
                              ? "no bound of its own"
                              : absl::StrCat("at most ", policy.max_connections())}};
}

std::string NetworkEventLine(const v1::NetworkEvent& event) {
  std::string line = absl::StrCat(
      absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToAbslTime(event.at()), absl::LocalTimeZone()), "  ",
      VerdictOf(event), "  ", TargetOf(event));
  absl::StrAppend(&line, "  ", event.address().empty() ? "-" : Safe(event.address()), "  ",
                  FormatBytes(event.bytes_sent()), " sent, ", FormatBytes(event.bytes_received()),
                  " received");
  if (!event.reason().empty()) absl::StrAppend(&line, "  ", Safe(event.reason()));
  if (event.lost() > 0) absl::StrAppend(&line, "  (", event.lost(), " before it are lost)");
  return line;
}

nlohmann::ordered_json NetworkEventObject(const v1::NetworkEvent& event) {
  return {
      {"time", absl::FormatTime(absl::RFC3339_full, ToAbslTime(event.at()), absl::UTCTimeZone())},
      {"verdict", absl::AsciiStrToLower(v1::NetworkEvent::Verdict_Name(event.verdict()))},
      {"name", event.name()},
      {"address", event.address()},
      {"port", event.port()},
      {"reason", event.reason()},
      {"bytes_sent", event.bytes_sent()},
      {"bytes_received", event.bytes_received()},
      {"lost", event.lost()}};
}

}  // namespace warren
