#include "supervisor/gateway/control/create_request.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/network_rules.h"

namespace warren {
namespace {

// Said, and not left out in silence: who mounts a volume counts on its being there.
absl::Status CheckUnbuilt(const nlohmann::json& body) {
  for (const char* name : {"volumeMounts", "mcp", "iam"}) {
    auto found = body.find(name);
    if (found != body.end() && !found->is_null() && !found->empty())
      return absl::UnimplementedError(absl::StrCat(name, " is not supported by this server"));
  }
  WARREN_ASSIGN_OR_RETURN(auto memory, FlagOf(body, "autoPauseMemory"));
  if (memory && !*memory) {
    return absl::UnimplementedError(
        "a pause that keeps files alone (autoPauseMemory: false) is not supported by this server");
  }
  return absl::OkStatus();
}

absl::Status ReadLife(const nlohmann::json& body, ApiVersion version, SandboxNotes& notes,
                      v1::CreateSandboxRequest& request) {
  WARREN_ASSIGN_OR_RETURN(
      int64_t timeout,
      ReadTimeout(body, "timeout",
                  version == ApiVersion::kV1 ? kDefaultTimeoutSecondsV1 : kDefaultTimeoutSeconds));
  request.mutable_lifetime()->set_seconds(timeout);
  // E2B's timeout is counted from the call that sets it, whatever goes on.
  request.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  WARREN_ASSIGN_OR_RETURN(auto pause, FlagOf(body, "autoPause"));
  request.set_on_expiry(pause.value_or(false) ? v1::ON_EXPIRY_PAUSE : v1::ON_EXPIRY_KILL);
  WARREN_ASSIGN_OR_RETURN(const nlohmann::json* resume, ObjectOf(body, "autoResume"));
  WARREN_ASSIGN_OR_RETURN(auto enabled, FlagOf(*resume, "enabled"));
  notes.auto_resume = enabled.value_or(false);
  return absl::OkStatus();
}

// It goes into a header as it is.
bool IsMaskedHost(absl::string_view host) {
  constexpr size_t kMost = 253;
  return host.size() <= kMost && std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::StrContains(".-_:[]${}", c);
         });
}

absl::Status ReadNetwork(const nlohmann::json& body, const CreateDefaults& defaults,
                         SandboxNotes& notes, v1::CreateSandboxRequest& request) {
  WARREN_ASSIGN_OR_RETURN(const nlohmann::json* network, ObjectOf(body, "network"));
  WARREN_ASSIGN_OR_RETURN(E2bEgress egress, ReadEgress(*network));
  WARREN_ASSIGN_OR_RETURN(auto internet, FlagOf(body, "allow_internet_access"));
  egress.internet = internet.value_or(true);
  WARREN_ASSIGN_OR_RETURN(auto open, FlagOf(*network, "allowPublicTraffic"));
  notes.public_traffic = open.value_or(true);
  WARREN_ASSIGN_OR_RETURN(auto host, TextOf(*network, "maskRequestHost"));
  notes.masked_host = host.value_or("");
  if (!IsMaskedHost(notes.masked_host)) {
    return absl::InvalidArgumentError(
        "\"maskRequestHost\" must be a host's name, with a port or ${PORT} where it has one");
  }
  notes.internet = egress.internet && defaults.network;
  const v1::NetworkPolicy policy = ToNetworkPolicy(egress);
  // A sandbox that may reach nothing needs no network.
  if (defaults.network && (policy.preset() != "none" || policy.allow_size() > 0))
    *request.mutable_network() = policy;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> ReadTimeout(const nlohmann::json& body, const char* name,
                                    int64_t otherwise) {
  WARREN_ASSIGN_OR_RETURN(auto seconds, NumberOf(body, name));
  if (!seconds) return otherwise;
  if (*seconds < 1 || *seconds > kMaxTimeoutSeconds) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name, "\" is ", *seconds, "; it must be 1 to ", kMaxTimeoutSeconds, " seconds"));
  }
  return *seconds;
}

absl::StatusOr<v1::CreateSandboxRequest> ReadCreate(const nlohmann::json& body, ApiVersion version,
                                                    const CreateDefaults& defaults) {
  WARREN_RETURN_IF_ERROR(CheckUnbuilt(body));
  v1::CreateSandboxRequest request;
  SandboxNotes notes;
  WARREN_ASSIGN_OR_RETURN(auto name, TextOf(body, "templateID"));
  if (!name || name->empty())
    return absl::InvalidArgumentError("\"templateID\" is missing: name a template");
  auto alias = defaults.aliases.find(*name);
  request.set_template_id(alias == defaults.aliases.end() ? *name : alias->second);
  notes.alias = *name;
  WARREN_ASSIGN_OR_RETURN(auto metadata, MapOf(body, "metadata"));
  for (const auto& [key, value] : metadata) {
    if (IsReservedMetadata(key)) {
      return absl::InvalidArgumentError(absl::StrCat("metadata: names that begin with \"",
                                                     kReservedMetadata, "\" are the server's"));
    }
    (*request.mutable_metadata())[key] = value;
  }
  WARREN_ASSIGN_OR_RETURN(auto variables, MapOf(body, "envVars"));
  for (const auto& [key, value] : variables) (*request.mutable_env())[key] = value;
  WARREN_RETURN_IF_ERROR(ReadLife(body, version, notes, request));
  WARREN_RETURN_IF_ERROR(ReadNetwork(body, defaults, notes, request));
  if (version == ApiVersion::kV1) {
    WARREN_ASSIGN_OR_RETURN(auto secure, FlagOf(body, "secure"));
    notes.secured = secure.value_or(false);
  }
  WriteNotes(notes, *request.mutable_metadata());
  return request;
}

}  // namespace warren
