// What the control plane is asked about one sandbox.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/e2b/control/control_client.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/sandbox_record.h"

namespace warren {
namespace {

const nlohmann::json kNoBody;
constexpr int64_t kMaxReading = std::numeric_limits<int64_t>::max() / 2;

int64_t Reading(const nlohmann::json& json, const char* name) {
  return std::clamp<int64_t>(NumberField(json, name), 0, kMaxReading);
}

v1::SandboxMetrics ReadMetrics(const nlohmann::json& json) {
  v1::SandboxMetrics metrics;
  metrics.mutable_read_at()->set_seconds(Reading(json, "timestampUnix"));
  metrics.set_memory_bytes(Reading(json, "memUsed"));
  metrics.set_memory_limit_bytes(Reading(json, "memTotal"));
  metrics.set_disk_bytes(Reading(json, "diskUsed"));
  metrics.set_disk_limit_bytes(Reading(json, "diskTotal"));
  metrics.set_cpu_millis(
      static_cast<int32_t>(std::min<int64_t>(Reading(json, "cpuCount"), 1024) * 1000));
  return metrics;
}

}  // namespace

void ControlClient::Get(CloudSandboxRef sandbox, Reply<v1::Sandbox> reply) {
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox),
                reply = SureReply(std::move(reply))]() mutable {
    self->AskAbout(sandbox, "GET", "", kNoBody, HttpAgain::kAlways,
                   [self, sandbox, asked = self->AskedNow(sandbox),
                    reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                     if (!json.ok()) return reply(json.status());
                     if (self->GoneSince(sandbox, asked)) return reply(NoSuchCloudSandbox());
                     if (self->OverSince(sandbox, asked)) return reply(sandbox->told);
                     auto told = ReadSandbox(*json, self->cloud_->options());
                     if (!told.ok()) return reply(NoSuchCloudSandbox());
                     // The cloud knows what it was made with, and this server what was asked since.
                     *told->mutable_lifetime() = sandbox->told.lifetime();
                     told->set_lifetime_from(sandbox->told.lifetime_from());
                     told->set_on_expiry(sandbox->told.on_expiry());
                     self->Note(sandbox, *json, *told);
                     reply(*std::move(told));
                   });
  });
}

void ControlClient::SetLifetime(CloudSandboxRef sandbox, v1::SetSandboxLifetimeRequest request,
                                Reply<v1::Sandbox> reply) {
  if (absl::Status status = ValidateLifetime(request); !status.ok())
    return reply(std::move(status));
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox),
                request = std::move(request), reply = SureReply(std::move(reply))]() mutable {
    if (request.on_expiry() != v1::ON_EXPIRY_UNSPECIFIED &&
        request.on_expiry() != sandbox->told.on_expiry()) {
      return reply(absl::UnimplementedError(
          "on_expiry cannot be changed on a backend that is E2B's cloud: it is set by the create"));
    }
    nlohmann::json body;
    body["timeout"] = WholeSeconds(ToDuration(request.lifetime()));
    self->AskAbout(sandbox, "POST", "/timeout", body, HttpAgain::kAlways,
                   [self, sandbox, asked = self->AskedNow(sandbox), request = std::move(request),
                    reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                     if (!json.ok()) return reply(json.status());
                     if (self->GoneSince(sandbox, asked)) return reply(NoSuchCloudSandbox());
                     v1::Sandbox& told = sandbox->told;
                     *told.mutable_lifetime() = request.lifetime();
                     if (request.lifetime_from() != v1::LIFETIME_FROM_UNSPECIFIED)
                       told.set_lifetime_from(request.lifetime_from());
                     *told.mutable_expires_at() =
                         ToProto(absl::Now() + ToDuration(request.lifetime()));
                     self->lives_->Changed(sandbox);
                     reply(told);
                   });
  });
}

void ControlClient::Destroy(CloudSandboxRef sandbox, Reply<v1::DestroySandboxResponse> reply) {
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox),
                reply = SureReply(std::move(reply))]() mutable {
    self->AskAbout(
        sandbox, "DELETE", "", kNoBody, HttpAgain::kAlways,
        [self, sandbox, reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
          if (!json.ok()) return reply(json.status());
          const absl::Time now = absl::Now();
          v1::DestroySandboxResponse response;
          v1::Usage& usage = *response.mutable_usage();
          *usage.mutable_wall() =
              ToProto(std::max(now - ToTime(sandbox->told.created_at()), absl::ZeroDuration()));
          *usage.mutable_sandbox_time() = ToProto(CloudLives::Ran(*sandbox, now));
          usage.set_backend(self->cloud_->options().name);
          spdlog::info("event=cloud_sandbox_destroyed backend={} sandbox={}",
                       self->cloud_->options().name, sandbox->id);
          self->Gone(sandbox);
          reply(std::move(response));
        });
  });
}

void ControlClient::Pause(CloudSandboxRef sandbox, Reply<v1::Sandbox> reply) {
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox),
                reply = SureReply(std::move(reply))]() mutable {
    self->AskAbout(
        sandbox, "POST", "/pause", nlohmann::json::object(), HttpAgain::kAlways,
        [self, sandbox, reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
          // A 409: it is paused already, which changes nothing.
          if (!json.ok() && !absl::IsFailedPrecondition(json.status())) return reply(json.status());
          sandbox->told.set_state(v1::Sandbox::PAUSED);
          self->lives_->Changed(sandbox);
          reply(sandbox->told);
        });
  });
}

void ControlClient::Unpause(CloudSandboxRef sandbox, const v1::ResumeSandboxRequest& request,
                            Reply<v1::Sandbox> reply) {
  if (absl::Status status = ValidateResume(request); !status.ok()) return reply(std::move(status));
  const bool has_lifetime = request.has_lifetime();
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox), has_lifetime,
                asked = ToDuration(request.lifetime()),
                reply = SureReply(std::move(reply))]() mutable {
    const absl::Duration lifetime = has_lifetime ? asked : ToDuration(sandbox->told.lifetime());
    nlohmann::json body;
    body["timeout"] = WholeSeconds(lifetime);
    self->AskJson(
        ControlRequest(self->cloud_->options(), "POST",
                       absl::StrCat("/v2/sandboxes/", PercentEncode(sandbox->id), "/connect"),
                       JsonText(body)),
        HttpAgain::kAlways,
        [self, sandbox, asked = self->AskedNow(sandbox), lifetime, has_lifetime,
         reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
          if (absl::IsNotFound(json.status())) {
            return self->ExplainNotFound(
                sandbox, [reply = std::move(reply)](absl::Status status) mutable {
                  // There, and paused: it is the call that is not.
                  if (absl::IsFailedPrecondition(status))
                    status = absl::UnimplementedError("the cloud cannot resume this sandbox");
                  reply(std::move(status));
                });
          }
          if (!json.ok()) return reply(json.status());
          if (self->GoneSince(sandbox, asked)) return reply(NoSuchCloudSandbox());
          // It may have been paused at its lifetime's end, and nobody heard of that.
          CloudLives::Settle(*sandbox);
          v1::Sandbox told = sandbox->told;
          told.set_state(v1::Sandbox::RUNNING);
          if (has_lifetime) *told.mutable_lifetime() = ToProto(lifetime);
          *told.mutable_expires_at() = ToProto(absl::Now() + lifetime);
          self->Note(sandbox, *json, told);
          reply(std::move(told));
        });
  });
}

void ControlClient::SetNetwork(CloudSandboxRef sandbox, v1::SetSandboxNetworkRequest request,
                               Reply<v1::Sandbox> reply) {
  if (absl::Status status = ValidateSetNetwork(request); !status.ok())
    return reply(std::move(status));
  auto body = NetworkBody(request.network());
  if (!body.ok()) return reply(body.status());
  // Here the rules are the body itself.
  nlohmann::json rules = body->value("network", nlohmann::json::object());
  rules["allow_internet_access"] = (*body)["allow_internet_access"];
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox), rules = std::move(rules),
                network = request.network(), reply = SureReply(std::move(reply))]() mutable {
    self->AskAbout(sandbox, "PUT", "/network", rules, HttpAgain::kAlways,
                   [sandbox, network = std::move(network),
                    reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                     if (!json.ok()) return reply(json.status());
                     *sandbox->told.mutable_network() = std::move(network);
                     reply(sandbox->told);
                   });
  });
}

void ControlClient::GetMetrics(CloudSandboxRef sandbox, Reply<v1::SandboxMetrics> reply) {
  cloud_->Post([self = shared_from_this(), sandbox = std::move(sandbox),
                reply = SureReply(std::move(reply))]() mutable {
    self->AskAbout(sandbox, "GET", "/metrics", kNoBody, HttpAgain::kAlways,
                   [reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                     if (!json.ok()) return reply(json.status());
                     if (!json->is_array())
                       return reply(absl::InternalError("the cloud's metrics are none"));
                     // The newest is the last; one that is new has none yet.
                     if (json->empty()) return reply(v1::SandboxMetrics());
                     reply(ReadMetrics(json->back()));
                   });
  });
}

}  // namespace warren
