#include "supervisor/e2b/control/sandbox_record.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/session/sandbox.h"

namespace warren {
namespace {

constexpr size_t kMaxSandboxId = 64;
constexpr size_t kMaxToken = 1024;
constexpr size_t kMaxMetadataEntries = 64;
constexpr int64_t kMebibyte = int64_t{1} << 20;
constexpr int64_t kMostMegabytes = int64_t{1} << 30;

bool IsHostName(absl::string_view name) {
  constexpr size_t kMost = 253;
  return name.size() <= kMost && std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-';
         });
}

// It goes into a header.
std::string TokenField(const nlohmann::json& json, const char* name) {
  std::string token = TextField(json, name, kMaxToken);
  const bool clean = std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  return clean ? token : "";
}

google::protobuf::Timestamp TimeField(const nlohmann::json& json, const char* name) {
  absl::Time time = absl::UnixEpoch();
  std::string ignored;
  absl::ParseTime(absl::RFC3339_full, TextField(json, name), &time, &ignored);
  return ToProto(time);
}

bool FlagField(const nlohmann::json& json, const char* name, bool otherwise) {
  auto found = json.find(name);
  return found == json.end() || !found->is_boolean() ? otherwise : found->get<bool>();
}

void AddHosts(const nlohmann::json& network, const char* name,
              google::protobuf::RepeatedPtrField<v1::NetworkRule>& to) {
  constexpr int kMost = 256;
  auto found = network.find(name);
  if (found == network.end() || !found->is_array()) return;
  for (const nlohmann::json& each : *found) {
    if (!each.is_string() || to.size() >= kMost) continue;
    to.Add()->set_host(ToValidUtf8(each.get_ref<const std::string&>(), kMaxSandboxId * 4));
  }
}

// As it was asked for; where nothing is let out, as if nobody had asked.
void ReadNetwork(const nlohmann::json& json, v1::Sandbox& sandbox) {
  v1::NetworkPolicy policy;
  const bool open = FlagField(json, "allowInternetAccess", false);
  policy.set_preset(open ? "internet" : "none");
  if (const nlohmann::json* network = ObjectField(json, "network")) {
    AddHosts(*network, "allowOut", *policy.mutable_allow());
    if (open) AddHosts(*network, "denyOut", *policy.mutable_deny());
  }
  if (open || !policy.allow().empty()) *sandbox.mutable_network() = std::move(policy);
}

void ReadMetadata(const nlohmann::json& json, v1::Sandbox& sandbox) {
  const nlohmann::json* metadata = ObjectField(json, "metadata");
  if (metadata == nullptr) return;
  constexpr size_t kMostName = 128;
  constexpr size_t kMostValue = 1024;
  for (const auto& [name, value] : metadata->items()) {
    if (IsNote(name) || !value.is_string()) continue;
    if (static_cast<size_t>(sandbox.metadata_size()) >= kMaxMetadataEntries) return;
    (*sandbox.mutable_metadata())[ToValidUtf8(name, kMostName)] =
        ToValidUtf8(value.get_ref<const std::string&>(), kMostValue);
  }
}

void ReadNotes(const nlohmann::json& json, v1::Sandbox& sandbox) {
  const nlohmann::json* metadata = ObjectField(json, "metadata");
  if (metadata == nullptr) return;
  auto notes = ParseCloudJson(TextField(*metadata, kNotes), "a note");
  if (!notes.ok() || !notes->is_object()) return;
  sandbox.set_template_id(TextField(*notes, "template"));
  *sandbox.mutable_lifetime() =
      ToProto(absl::Seconds(std::clamp<int64_t>(NumberField(*notes, "lifetime"), 0, 86400)));
  const auto from = static_cast<int>(NumberField(*notes, "from"));
  if (v1::LifetimeFrom_IsValid(from))
    sandbox.set_lifetime_from(static_cast<v1::LifetimeFrom>(from));
}

}  // namespace

bool IsCloudSandboxId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxSandboxId && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  });
}

v1::Sandbox NewSandbox(const CloudOptions& options, const v1::CreateSandboxRequest& request,
                       const std::string& sandbox_id) {
  v1::Sandbox told;
  told.set_sandbox_id(sandbox_id);
  told.set_template_id(request.template_id());
  told.set_state(v1::Sandbox::RUNNING);
  const absl::Time now = absl::Now();
  *told.mutable_created_at() = ToProto(now);
  *told.mutable_expires_at() = ToProto(now + ToDuration(request.lifetime()));
  *told.mutable_metadata() = request.metadata();
  told.set_default_context_id(kDefaultContextId);
  *told.mutable_lifetime() = request.lifetime();
  told.set_lifetime_from(request.lifetime_from());
  told.set_on_expiry(request.on_expiry());
  told.set_profile("user");
  told.set_backend(options.name);
  return told;
}

std::string TenantOf(const nlohmann::json& json) {
  const nlohmann::json* metadata = ObjectField(json, "metadata");
  return metadata == nullptr ? "" : TextField(*metadata, kTenantNote, kMaxSandboxId);
}

void ReadConnection(const nlohmann::json& json, CloudSandbox& sandbox) {
  const std::string envd = TokenField(json, "envdAccessToken");
  if (!envd.empty()) sandbox.envd_token = envd;
  const std::string traffic = TokenField(json, "trafficAccessToken");
  if (!traffic.empty()) sandbox.traffic_token = traffic;
  const std::string domain = TextField(json, "domain");
  if (IsHostName(domain)) sandbox.domain = domain;
}

absl::StatusOr<v1::Sandbox> ReadSandbox(const nlohmann::json& json, const CloudOptions& options) {
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id(TextField(json, "sandboxID", kMaxSandboxId + 1));
  const nlohmann::json* metadata = ObjectField(json, "metadata");
  if (!IsCloudSandboxId(sandbox.sandbox_id()) || metadata == nullptr ||
      metadata->find(kTenantNote) == metadata->end()) {
    return absl::NotFoundError("no such sandbox");
  }
  const bool paused = TextField(json, "state") == "paused";
  sandbox.set_state(paused ? v1::Sandbox::PAUSED : v1::Sandbox::RUNNING);
  *sandbox.mutable_created_at() = TimeField(json, "startedAt");
  *sandbox.mutable_expires_at() = TimeField(json, "endAt");
  sandbox.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  const nlohmann::json* lifecycle = ObjectField(json, "lifecycle");
  sandbox.set_on_expiry(lifecycle != nullptr && TextField(*lifecycle, "onTimeout") == "pause"
                            ? v1::ON_EXPIRY_PAUSE
                            : v1::ON_EXPIRY_KILL);
  ReadNotes(json, sandbox);
  ReadMetadata(json, sandbox);
  ReadNetwork(json, sandbox);
  v1::Limits& limits = *sandbox.mutable_limits();
  auto megabytes = [&](const char* name) {
    return std::clamp<int64_t>(NumberField(json, name), 0, kMostMegabytes) * kMebibyte;
  };
  limits.set_memory_bytes(megabytes("memoryMB"));
  limits.set_disk_bytes(megabytes("diskSizeMB"));
  limits.set_cpu_millis(
      static_cast<int32_t>(std::clamp<int64_t>(NumberField(json, "cpuCount"), 0, 1024) * 1000));
  sandbox.set_default_context_id(kDefaultContextId);
  sandbox.set_profile("user");
  sandbox.set_backend(options.name);
  return sandbox;
}

}  // namespace warren
