#include "supervisor/e2b/control/create_body.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

constexpr char kNotePrefix[] = "warren-";
constexpr char kClosedPreset[] = "none";
constexpr char kOpenPreset[] = "internet";
constexpr char kEveryAddress[] = "0.0.0.0/0";

absl::Status CannotBeHad(absl::string_view field, absl::string_view why) {
  return absl::UnimplementedError(
      absl::StrCat(field, " cannot be had on a backend that is E2B's cloud: ", why));
}

absl::Status CheckLimits(const v1::Limits& limits) {
  if (limits.ByteSizeLong() == 0) return absl::OkStatus();
  return CannotBeHad("limits", "its templates have them; leave them out");
}

absl::StatusOr<nlohmann::json> Hosts(
    const google::protobuf::RepeatedPtrField<v1::NetworkRule>& rules, absl::string_view field) {
  nlohmann::json hosts = nlohmann::json::array();
  for (const v1::NetworkRule& rule : rules) {
    if (!rule.ports().empty())
      return CannotBeHad(absl::StrCat(field, ".ports"), "its rules are for all ports");
    hosts.push_back(rule.host());
  }
  return hosts;
}

}  // namespace

bool IsNote(absl::string_view name) { return absl::StartsWith(name, kNotePrefix); }

int64_t WholeSeconds(absl::Duration duration) {
  return absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1)));
}

absl::StatusOr<nlohmann::json> NetworkBody(const v1::NetworkPolicy& policy) {
  const bool open = policy.preset() == kOpenPreset;
  if (!open && !policy.preset().empty() && policy.preset() != kClosedPreset)
    return CannotBeHad("network.preset", "it has \"none\" and \"internet\" alone");
  if (policy.bytes_per_second() > 0)
    return CannotBeHad("network.bytes_per_second", "it bounds no rate");
  if (policy.max_connections() > 0)
    return CannotBeHad("network.max_connections", "it has a bound of its own");
  if (!policy.allow().empty() && !policy.deny().empty()) {
    return CannotBeHad("network.deny beside network.allow",
                       "there what is allowed wins over what is denied, and here it must not");
  }
  WARREN_ASSIGN_OR_RETURN(nlohmann::json allow, Hosts(policy.allow(), "network.allow"));
  WARREN_ASSIGN_OR_RETURN(nlohmann::json deny, Hosts(policy.deny(), "network.deny"));
  nlohmann::json body;
  body["allow_internet_access"] = open;
  if (!open && !allow.empty()) deny.push_back(kEveryAddress);
  // What nothing is let out of needs no rules.
  const bool has_rules = open ? !deny.empty() : !allow.empty();
  if (!allow.empty()) body["network"]["allowOut"] = std::move(allow);
  if (has_rules) body["network"]["denyOut"] = std::move(deny);
  return body;
}

std::string NotesText(const v1::Sandbox& sandbox) {
  nlohmann::json notes;
  notes["template"] = sandbox.template_id();
  notes["lifetime"] = WholeSeconds(ToDuration(sandbox.lifetime()));
  notes["from"] = static_cast<int>(sandbox.lifetime_from());
  return JsonText(notes);
}

absl::StatusOr<nlohmann::json> CreateBody(const CloudOptions& options, const std::string& tenant,
                                          const v1::CreateSandboxRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckLimits(request.limits()));
  WARREN_ASSIGN_OR_RETURN(nlohmann::json body, NetworkBody(request.network()));
  body["templateID"] = options.templates.at(request.template_id());
  body["timeout"] = WholeSeconds(ToDuration(request.lifetime()));
  body["autoPause"] = request.on_expiry() == v1::ON_EXPIRY_PAUSE;
  nlohmann::json metadata = nlohmann::json::object();
  for (const auto& [name, value] : request.metadata()) {
    if (IsNote(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata: names that begin with \"", kNotePrefix, "\" are the server's"));
    }
    metadata[name] = value;
  }
  v1::Sandbox noted;
  noted.set_template_id(request.template_id());
  *noted.mutable_lifetime() = request.lifetime();
  noted.set_lifetime_from(request.lifetime_from());
  metadata[kNotes] = NotesText(noted);
  metadata[kTenantNote] = tenant;
  body["metadata"] = std::move(metadata);
  nlohmann::json env = nlohmann::json::object();
  for (const auto& [name, value] : request.env()) env[name] = value;
  if (!env.empty()) body["envVars"] = std::move(env);
  return body;
}

}  // namespace warren
