#include "supervisor/gateway/control/sandbox_json.h"

#include <algorithm>
#include <utility>

#include "supervisor/base/proto_time.h"
#include "supervisor/gateway/control/network_rules.h"

namespace warren {
namespace {

// The client of E2B's orchestrator, which has one; SDKs of old append it to the id.
constexpr char kClientId[] = "warren";
constexpr int64_t kMebibyte = int64_t{1} << 20;

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", ToTime(time), absl::UTCTimeZone());
}

nlohmann::json CommonJson(const v1::Sandbox& sandbox, const SandboxNotes& notes) {
  nlohmann::json json;
  json["sandboxID"] = sandbox.sandbox_id();
  json["templateID"] = notes.alias.empty() ? sandbox.template_id() : notes.alias;
  if (!notes.alias.empty()) json["alias"] = notes.alias;
  json["clientID"] = kClientId;
  json["envdVersion"] = kEnvdVersion;
  return json;
}

// What the SDKs show as one processor and more.
int ProcessorsOf(int cpu_millis) { return std::max((cpu_millis + 999) / 1000, 1); }

}  // namespace

nlohmann::json ConnectionJson(const v1::Sandbox& sandbox, const AccessTokens& tokens,
                              const SandboxNaming& naming) {
  const SandboxNotes notes = ReadNotes(sandbox);
  nlohmann::json json = CommonJson(sandbox, notes);
  if (notes.secured) json["envdAccessToken"] = tokens.Envd(sandbox.sandbox_id());
  if (!notes.public_traffic) json["trafficAccessToken"] = tokens.Traffic(sandbox.sandbox_id());
  json["domain"] = naming.domain.empty() ? nlohmann::json() : nlohmann::json(naming.domain);
  return json;
}

nlohmann::json ListedJson(const v1::Sandbox& sandbox) {
  nlohmann::json json = CommonJson(sandbox, ReadNotes(sandbox));
  json["startedAt"] = TimeText(sandbox.created_at());
  json["endAt"] = TimeText(sandbox.expires_at());
  json["state"] = sandbox.state() == v1::Sandbox::PAUSED ? "paused" : "running";
  json["cpuCount"] = ProcessorsOf(sandbox.limits().cpu_millis());
  json["memoryMB"] = sandbox.limits().memory_bytes() / kMebibyte;
  json["diskSizeMB"] = sandbox.limits().disk_bytes() / kMebibyte;
  nlohmann::json metadata = nlohmann::json::object();
  for (const auto& [key, value] : sandbox.metadata()) {
    if (!IsReservedMetadata(key)) metadata[key] = value;
  }
  json["metadata"] = std::move(metadata);
  return json;
}

nlohmann::json InfoJson(const v1::Sandbox& sandbox, const AccessTokens& tokens,
                        const SandboxNaming& naming) {
  const SandboxNotes notes = ReadNotes(sandbox);
  nlohmann::json json = ListedJson(sandbox);
  json.update(ConnectionJson(sandbox, tokens, naming));
  json["allowInternetAccess"] = notes.internet;
  if (sandbox.has_network()) {
    E2bEgress egress = ToEgress(sandbox.network());
    json["allowInternetAccess"] = egress.internet;
    if (!egress.allow_out.empty()) json["network"]["allowOut"] = std::move(egress.allow_out);
    if (!egress.deny_out.empty()) json["network"]["denyOut"] = std::move(egress.deny_out);
  }
  json["lifecycle"]["onTimeout"] = sandbox.on_expiry() == v1::ON_EXPIRY_PAUSE ? "pause" : "kill";
  json["lifecycle"]["autoResume"] = notes.auto_resume;
  json["network"]["allowPublicTraffic"] = notes.public_traffic;
  if (!notes.masked_host.empty()) json["network"]["maskRequestHost"] = notes.masked_host;
  return json;
}

nlohmann::json MetricsJson(const v1::SandboxMetrics& before, const v1::SandboxMetrics& now) {
  const absl::Duration wall = ToTime(now.read_at()) - ToTime(before.read_at());
  auto used = [](const v1::SandboxMetrics& metrics) {
    return ToDuration(metrics.cpu_user()) + ToDuration(metrics.cpu_system());
  };
  const double share =
      wall > absl::ZeroDuration() ? absl::FDivDuration(used(now) - used(before), wall) : 0;
  nlohmann::json json;
  json["timestamp"] = TimeText(now.read_at());
  json["timestampUnix"] = now.read_at().seconds();
  json["cpuCount"] = ProcessorsOf(now.cpu_millis());
  json["cpuUsedPct"] = std::max(100 * share, 0.0);
  json["memUsed"] = now.memory_bytes();
  json["memTotal"] = now.memory_limit_bytes();
  json["memCache"] = 0;
  json["diskUsed"] = now.disk_bytes();
  json["diskTotal"] = now.disk_limit_bytes();
  return json;
}

}  // namespace warren
