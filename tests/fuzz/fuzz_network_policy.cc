// What a sandbox's network policy decides: the policy is a client's text, the names and addresses
// are a sandbox's. The input is three parts, with a line "--" between them: a NetworkPolicy and an
// EgressPolicy as text, and names and addresses, one a line.
#include <arpa/inet.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"
#include "runtime/network/network_policy.h"
#include "runtime/network/network_rules.h"

namespace warren {
namespace {

using Rules = google::protobuf::RepeatedPtrField<v1::NetworkRule>;

constexpr uint16_t kPorts[] = {0, 1, 25, 80, 443, 8080, 65535};
constexpr size_t kMostLines = 16;

void Require(bool holds) {
  if (!holds) std::abort();
}

// What does not parse is most of the input: no line for each.
class Silence : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int /*line*/, google::protobuf::io::ColumnNumber /*column*/,
                const std::string& /*message*/) override {}
};

template <typename Message>
Message Parse(absl::string_view text) {
  Silence silence;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&silence);
  Message message;
  // What was read before an error is a policy too.
  (void)parser.ParseFromString(std::string(text), &message);
  return message;
}

void RequirePlain(absl::string_view text, size_t most) {
  Require(text.size() <= most);
  for (char c : text) Require(c >= ' ' && c <= '~');
}

// What the text of rules has, without the tables that the library makes of it. kSkip leaves out
// rules with ports.
enum class WithPorts { kCount, kSkip };

bool AnyHas(const Rules& rules, const IpAddress& address, WithPorts with_ports) {
  for (const v1::NetworkRule& rule : rules) {
    if (with_ports == WithPorts::kSkip && !rule.ports().empty()) continue;
    auto network = ParseNetwork(rule.host());
    if (network.ok() && network->Contains(address)) return true;
  }
  return false;
}

bool AnyHas(const Rules& rules, absl::string_view name, WithPorts with_ports) {
  for (const v1::NetworkRule& rule : rules) {
    if (with_ports == WithPorts::kSkip && !rule.ports().empty()) continue;
    std::string host = absl::AsciiStrToLower(rule.host());
    if (absl::EndsWith(host, ".")) host.pop_back();
    if (host == "*" || host == name) return true;
    if (absl::StartsWith(host, "*.") && absl::EndsWith(name, host.substr(1))) return true;
  }
  return false;
}

struct Policies {
  v1::NetworkPolicy sandbox;
  config::EgressPolicy egress;
};

void CheckDecision(const NetworkRules::Decision& decision) {
  Require(decision.allowed == decision.reason.empty());
  RequirePlain(decision.reason, 300);
}

void CheckName(const NetworkRules& rules, const Policies& policies, absl::string_view name) {
  const bool normal = NormalizeHostName(name).ok() && *NormalizeHostName(name) == name;
  const bool denied = AnyHas(policies.sandbox.deny(), name, WithPorts::kSkip) ||
                      AnyHas(policies.egress.deny(), name, WithPorts::kSkip);
  for (uint16_t port : kPorts) {
    const NetworkRules::Decision decision = rules.DecideName(name, port);
    CheckDecision(decision);
    if (!decision.allowed) continue;
    Require(normal && !denied && policies.egress.enabled() && port != 0);
    Require(AnyHas(policies.sandbox.allow(), name, WithPorts::kCount));
    Require(rules.MayResolve(name));
  }
}

void CheckAddress(const NetworkRules& rules, const Policies& policies, const IpAddress& address) {
  const Rules& open = policies.egress.open();
  const bool closed = !SpecialAddress(address).empty() && !AnyHas(open, address, WithPorts::kCount);
  const bool denied = AnyHas(policies.sandbox.deny(), address, WithPorts::kSkip) ||
                      AnyHas(policies.egress.deny(), address, WithPorts::kSkip);
  for (uint16_t port : kPorts) {
    const NetworkRules::Decision dialled = rules.DecideAddress(address, port);
    const NetworkRules::Decision direct = rules.DecideDirect(address, port);
    CheckDecision(dialled);
    CheckDecision(direct);
    if (dialled.allowed) Require(!closed && !denied && policies.egress.enabled());
    if (direct.allowed) {
      Require(dialled.allowed && port != 0);
      Require(AnyHas(policies.sandbox.allow(), address, WithPorts::kCount));
    }
  }
}

// A text as what it may be.
void CheckText(absl::string_view text) {
  auto name = NormalizeHostName(text);
  auto address = ParseAddress(text);
  Require(!name.ok() || !address.ok());
  if (name.ok()) {
    Require(name->size() <= 253 && NormalizeHostName(*name).value() == *name);
    in_addr v4;
    in6_addr v6;
    Require(::inet_aton(name->c_str(), &v4) == 0);
    Require(::inet_pton(AF_INET6, name->c_str(), &v6) == 0);
  } else {
    RequirePlain(name.status().message(), 500);
  }
  auto network = ParseNetwork(text);
  if (address.ok()) Require(network.ok() && network->Contains(*address));
  if (network.ok()) {
    Require(ParseNetwork(network->ToString())->ToString() == network->ToString());
    Require(network->Contains(network->first));
  } else {
    RequirePlain(network.status().message(), 500);
  }
}

void Decide(const Policies& policies, absl::string_view lines) {
  auto rules = NetworkRules::Compile(policies.sandbox, policies.egress);
  if (!rules.ok()) {
    RequirePlain(rules.status().message(), 800);
    return;
  }
  size_t count = 0;
  for (absl::string_view line : absl::StrSplit(lines, '\n')) {
    if (++count > kMostLines) break;
    CheckText(line);
    CheckName(*rules, policies, line);
    if (auto name = NormalizeHostName(line); name.ok()) CheckName(*rules, policies, *name);
    if (auto address = ParseAddress(line); address.ok()) CheckAddress(*rules, policies, *address);
  }
}

void Check(absl::string_view input) {
  CheckText(input);
  const std::vector<absl::string_view> parts = absl::StrSplit(input, absl::MaxSplits("\n--\n", 2));
  Policies policies;
  policies.sandbox = Parse<v1::NetworkPolicy>(parts[0]);
  if (parts.size() > 1) policies.egress = Parse<config::EgressPolicy>(parts[1]);
  const absl::Status valid = ValidateNetworkPolicy(policies.sandbox, "network");
  RequirePlain(valid.message(), 800);
  NetworkPresets presets;
  *presets["web"].mutable_policy() = policies.sandbox;
  if (!valid.ok()) return;
  auto resolved = ResolveNetworkPolicy(policies.sandbox, presets);
  if (!resolved.ok()) return;
  // What was valid stays so, and means the same.
  Require(ValidateNetworkPolicy(*resolved, "network").ok());
  const size_t ports = PortsOf(*resolved).size();
  Require(ports >= 1 && ports <= 64);
  Require(NetworkRules::Compile(*resolved, {}).ok());
  policies.sandbox = *std::move(resolved);
  if (parts.size() > 2) Decide(policies, parts[2]);
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
