#include "supervisor/e2b/control/control_client.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/create_call.h"
#include "supervisor/e2b/control/list_path.h"
#include "supervisor/e2b/control/sandbox_record.h"
#include "supervisor/session/sandbox.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: after the first failure, and twice as long after each
// further one.
constexpr std::chrono::seconds kCountAgain{5};
constexpr int kMaxCountFailures = 8;
constexpr int kMaxCountPages = 1000;

// As the cloud sees a create that is in the hands of its client.
class CreateOperation final : public Operation {
 public:
  CreateOperation(std::shared_ptr<Cloud> cloud, const std::shared_ptr<CreateCall>& create)
      : cloud_(std::move(cloud)), create_(create) {}
  void Resume() override {}
  void Cancel() override {
    cloud_->Post([create = create_] {
      if (auto begun = create.lock()) begun->Cancel();
    });
  }

 private:
  const std::shared_ptr<Cloud> cloud_;
  // Who waits for its answer holds it: where the backend goes, its client hears that.
  const std::weak_ptr<CreateCall> create_;
};

class NothingToDo final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

absl::StatusOr<nlohmann::json> BodyOf(const CloudOptions& options, const std::string& tenant,
                                      v1::CreateSandboxRequest& request) {
  absl::Status valid = ValidateCreate(request);
  if (!valid.ok()) return valid;
  if (request.template_id().empty()) request.set_template_id(options.default_template);
  if (options.templates.count(request.template_id()) == 0) {
    return absl::NotFoundError(
        absl::StrCat("no such template on backend ", options.name, "; there are: ",
                     absl::StrJoin(options.templates, ", ", [](std::string* out, const auto& each) {
                       absl::StrAppend(out, each.first);
                     })));
  }
  return CreateBody(options, tenant, request);
}

}  // namespace

void ControlClient::AskJson(HttpRequest request, HttpAgain again, OnJson on_json) {
  cloud_->Ask(std::move(request), again,
              [on_json = std::move(on_json)](absl::StatusOr<HttpAnswer> answer) mutable {
                absl::Status status = answer.ok() ? ControlStatus(*answer) : answer.status();
                if (!status.ok()) return on_json(std::move(status));
                if (answer->body.empty()) return on_json(nlohmann::json::object());
                auto json = ParseCloudJson(answer->body, "the cloud's answer");
                // X-Next-Token belongs to what it says.
                if (json.ok() && json->is_array() && !answer->head.next_token.empty()) {
                  nlohmann::json page;
                  page["list"] = *std::move(json);
                  page["next"] = answer->head.next_token;
                  json = std::move(page);
                }
                on_json(std::move(json));
              });
}

void ControlClient::AskAbout(const CloudSandboxRef& sandbox, absl::string_view method,
                             absl::string_view what, const nlohmann::json& body, HttpAgain again,
                             OnJson on_json) {
  AskJson(ControlRequest(cloud_->options(), method,
                         absl::StrCat("/sandboxes/", PercentEncode(sandbox->id), what),
                         body.is_null() ? "" : JsonText(body)),
          again,
          [self = shared_from_this(), sandbox, whole = what.empty(),
           on_json = std::move(on_json)](absl::StatusOr<nlohmann::json> json) mutable {
            if (!absl::IsNotFound(json.status())) return on_json(std::move(json));
            if (!whole) return self->ExplainNotFound(sandbox, std::move(on_json));
            self->Gone(sandbox);
            on_json(NoSuchCloudSandbox());
          });
}

void ControlClient::ExplainNotFound(const CloudSandboxRef& sandbox,
                                    absl::AnyInvocable<void(absl::Status)> told) {
  AskAbout(
      sandbox, "GET", "", nlohmann::json(), HttpAgain::kAlways,
      [told = std::move(told)](absl::StatusOr<nlohmann::json> json) mutable {
        if (!json.ok()) return told(json.status());
        if (TextField(*json, "state") == "paused")
          return told(absl::FailedPreconditionError("the sandbox is paused; resume it first"));
        told(absl::UnimplementedError("the cloud has the sandbox, but cannot do this with it"));
      });
}

ControlClient::Asked ControlClient::AskedNow(const CloudSandboxRef& sandbox) const {
  return {cloud_->Find(sandbox->id) == sandbox, lives_->Watches(*sandbox)};
}

bool ControlClient::GoneSince(const CloudSandboxRef& sandbox, const Asked& asked) const {
  return asked.known && cloud_->Find(sandbox->id) != sandbox;
}

bool ControlClient::OverSince(const CloudSandboxRef& sandbox, const Asked& asked) const {
  return GoneSince(sandbox, asked) || (asked.runs && !lives_->Watches(*sandbox));
}

void ControlClient::Note(const CloudSandboxRef& sandbox, const nlohmann::json& json,
                         v1::Sandbox told) {
  ReadConnection(json, *sandbox);
  sandbox->told = std::move(told);
  cloud_->Remember(sandbox);
  lives_->Changed(sandbox);
}

void ControlClient::Gone(const CloudSandboxRef& sandbox) {
  lives_->Ended(sandbox);
  cloud_->Forget(sandbox->id);
}

std::unique_ptr<Operation> ControlClient::Create(const Call& call, v1::CreateSandboxRequest request,
                                                 Reply<v1::Sandbox> reply) {
  auto body = BodyOf(cloud_->options(), call.who.tenant, request);
  if (!body.ok()) {
    reply(body.status());
    return std::make_unique<NothingToDo>();
  }
  v1::CreateSandboxRequest plain = request;
  auto create = std::make_shared<CreateCall>(
      cloud_, *std::move(body),
      [self = shared_from_this(), tenant = call.who.tenant, request = std::move(request),
       reply = SureReply(std::move(reply))](absl::StatusOr<nlohmann::json> made) mutable {
        if (!made.ok()) return reply(made.status());
        const std::string id = TextField(*made, "sandboxID");
        // One that was kept ready is known.
        CloudSandboxRef sandbox = self->cloud_->Find(id);
        if (sandbox == nullptr) sandbox = std::make_shared<CloudSandbox>(id);
        sandbox->tenant = tenant;
        v1::Sandbox told = NewSandbox(self->cloud_->options(), request, sandbox->id);
        if (request.has_network()) *told.mutable_network() = request.network();
        self->Note(sandbox, *made, told);
        spdlog::info("event=cloud_sandbox_made backend={} sandbox={} tenant={} template={}",
                     self->cloud_->options().name, sandbox->id, tenant.empty() ? "-" : tenant,
                     request.template_id());
        told.clear_network();
        reply(std::move(told));
      });
  cloud_->Post(
      [self = shared_from_this(), create, who = call.who, plain = std::move(plain)]() mutable {
        if (CloudSandboxRef ready = self->warm_->Take(who, plain)) {
          return self->GiveWarm(std::move(ready), plain, *create);
        }
        create->Start();
      });
  return std::make_unique<CreateOperation>(cloud_, std::move(create));
}

void ControlClient::GiveWarm(CloudSandboxRef ready, const v1::CreateSandboxRequest& request,
                             CreateCall& create) {
  nlohmann::json body;
  body["timeout"] = WholeSeconds(ToDuration(request.lifetime()));
  AskAbout(ready, "POST", "/timeout", body, HttpAgain::kAlways,
           [ready, warm = warm_,
            create = create.shared_from_this()](const absl::StatusOr<nlohmann::json>& set) {
             // A new one is made; this one may be there still, and nobody else has it.
             if (!set.ok()) {
               warm->Remove(ready);
               return create->Start();
             }
             nlohmann::json made;
             made["sandboxID"] = ready->id;
             if (!create->Give(std::move(made))) warm->Remove(ready);
           });
}

void ControlClient::Open(const Principal& who, const std::string& sandbox_id,
                         Reply<CloudSandboxRef> reply) {
  if (!IsCloudSandboxId(sandbox_id)) return reply(NoSuchCloudSandbox());
  cloud_->Post(
      [self = shared_from_this(), who, sandbox_id, reply = SureReply(std::move(reply))]() mutable {
        auto known = self->cloud_->Find(sandbox_id);
        if (known != nullptr) {
          if (!who.MayUse(known->tenant)) return reply(NoSuchCloudSandbox());
          return reply(std::move(known));
        }
        auto sandbox = std::make_shared<CloudSandbox>(sandbox_id);
        self->AskAbout(sandbox, "GET", "", nlohmann::json(), HttpAgain::kAlways,
                       [self, who, sandbox,
                        reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                         if (!json.ok()) return reply(json.status());
                         auto told = ReadSandbox(*json, self->cloud_->options());
                         if (!told.ok() || told->sandbox_id() != sandbox->id)
                           return reply(NoSuchCloudSandbox());
                         sandbox->tenant = TenantOf(*json);
                         // Another may have found it meanwhile.
                         CloudSandboxRef found = self->cloud_->Find(sandbox->id);
                         if (found == nullptr) {
                           self->Note(sandbox, *json, *std::move(told));
                           found = sandbox;
                         }
                         if (!who.MayUse(found->tenant)) return reply(NoSuchCloudSandbox());
                         reply(std::move(found));
                       });
      });
}

void ControlClient::List(const Call& call, v1::ListSandboxesRequest request,
                         Reply<v1::ListSandboxesResponse> reply) {
  if (absl::Status status = ValidateList(request); !status.ok()) return reply(std::move(status));
  const std::string path = ListPath(cloud_->options(), call.who, request);
  if (path.empty()) return reply(v1::ListSandboxesResponse());
  cloud_->Post([self = shared_from_this(), who = call.who, path,
                reply = SureReply(std::move(reply))]() mutable {
    self->AskJson(
        ControlRequest(self->cloud_->options(), "GET", path), HttpAgain::kAlways,
        [self, who, reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
          if (!json.ok()) return reply(json.status());
          v1::ListSandboxesResponse response;
          const nlohmann::json* list = &*json;
          if (json->is_object()) {
            response.set_next_page_token(TextField(*json, "next"));
            auto found = json->find("list");
            list = found == json->end() ? nullptr : &*found;
          }
          if (list == nullptr || !list->is_array())
            return reply(absl::InternalError("the cloud's list of sandboxes is none"));
          for (const nlohmann::json& each : *list) {
            auto sandbox = ReadSandbox(each, self->cloud_->options());
            if (sandbox.ok() && who.MayUse(TenantOf(each)))
              *response.add_sandboxes() = *std::move(sandbox);
          }
          reply(std::move(response));
        });
  });
}

void ControlClient::Probe(const Call& call, Reply<ProbeAnswer> reply) {
  cloud_->Post([self = shared_from_this(), deadline = call.deadline,
                reply = SureReply(std::move(reply))]() mutable {
    HttpRequest request = ControlRequest(self->cloud_->options(), "GET", "/v2/sandboxes?limit=1");
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (deadline != absl::InfiniteFuture())
      request.timeout =
          std::min(request.timeout, std::chrono::milliseconds(std::max<int64_t>(left, 1)));
    self->AskJson(std::move(request), HttpAgain::kIfNotDone,
                  [reply = std::move(reply)](absl::StatusOr<nlohmann::json> json) mutable {
                    if (!json.ok()) return reply(json.status());
                    reply(ProbeAnswer());
                  });
  });
}

void ControlClient::CountRunning() { CountPage({}); }

void ControlClient::CountPage(Count count) {
  v1::ListSandboxesRequest request;
  request.set_page_size(100);
  request.add_states(v1::Sandbox::RUNNING);
  request.set_page_token(count.page_token);
  List(Call(), std::move(request),
       [self = shared_from_this(),
        count = std::move(count)](absl::StatusOr<v1::ListSandboxesResponse> list) mutable {
         if (!list.ok()) return self->CountAgain(std::move(count), list.status());
         for (const v1::Sandbox& each : list->sandboxes()) {
           self->Open(Principal(), each.sandbox_id(),
                      [](const absl::StatusOr<CloudSandboxRef>&) {});
         }
         const std::string& next = list->next_page_token();
         if (next.empty() || next == count.page_token || ++count.pages == kMaxCountPages) return;
         count.page_token = next;
         self->CountPage(std::move(count));
       });
}

void ControlClient::CountAgain(Count count, const absl::Status& why) {
  if (++count.failures == kMaxCountFailures) {
    spdlog::error("event=cloud_sandboxes_not_counted backend={} code={}", cloud_->options().name,
                  static_cast<int>(why.code()));
    return;
  }
  const auto wait = kCountAgain * (1 << (count.failures - 1));
  // The answer may be that the backend goes: then Post drops it.
  cloud_->Post([weak = weak_from_this(), wait, count = std::move(count)]() mutable {
    auto self = weak.lock();
    if (self == nullptr) return;
    self->cloud_->loop().AddTimer(self->cloud_->After(wait),
                                  [weak, count = std::move(count)]() mutable {
                                    if (auto kept = weak.lock()) kept->CountPage(std::move(count));
                                  });
  });
}

}  // namespace warren
