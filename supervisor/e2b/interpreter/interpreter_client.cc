#include "supervisor/e2b/interpreter/interpreter_client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/session/sandbox.h"

namespace warren {
namespace {

constexpr size_t kMaxContexts = 256;
constexpr size_t kMaxContextId = 256;
constexpr char kPythonLanguage[] = "python";

absl::Status NotInTheCloud(absl::string_view what) {
  return absl::UnimplementedError(
      absl::StrCat(what, " cannot be had on a backend that is E2B's cloud"));
}

absl::Status CheckServed(const v1::ExecuteCodeRequest& request) {
  if (request.silent() || !request.store_history())
    return NotInTheCloud("silent, and a store_history of false,");
  if (!request.user_expressions().empty()) return NotInTheCloud("user_expressions");
  if (!request.input_files().empty()) return NotInTheCloud("input_files");
  if (!request.output_files().empty()) return NotInTheCloud("output_files");
  return absl::OkStatus();
}

// Ours for the cloud's: the default one is what is called that, else the first one of Python.
std::vector<v1::Context> ReadContexts(const nlohmann::json& list, const std::string& sandbox_id) {
  std::vector<v1::Context> contexts;
  for (const nlohmann::json& each : list) {
    v1::Context context;
    context.set_context_id(TextField(each, "id", kMaxContextId));
    context.set_sandbox_id(sandbox_id);
    context.set_language(TextField(each, "language"));
    context.set_working_directory(TextField(each, "cwd"));
    context.set_alive(true);
    if (context.context_id().empty() || contexts.size() >= kMaxContexts) continue;
    contexts.push_back(std::move(context));
  }
  auto found = std::find_if(contexts.begin(), contexts.end(), [](const v1::Context& each) {
    return each.context_id() == kDefaultContextId;
  });
  if (found == contexts.end()) {
    found = std::find_if(contexts.begin(), contexts.end(), [](const v1::Context& each) {
      return each.language() == kPythonLanguage;
    });
  }
  if (found != contexts.end()) found->set_reason(kDefaultContextId);
  return contexts;
}

// In ReadContexts' answer the default one is marked, for its own id is needed too.
bool IsDefault(const v1::Context& context) { return !context.reason().empty(); }
void NameDefault(v1::Context& context) {
  if (IsDefault(context)) context.set_context_id(kDefaultContextId);
  context.clear_reason();
}

absl::Status NoSuchCloudContext(absl::string_view context_id) {
  constexpr size_t kShown = 64;
  return absl::NotFoundError(absl::StrCat("no such context: ", ToValidUtf8(context_id, kShown)));
}

}  // namespace

std::shared_ptr<CloudContext> InterpreterClient::ContextOf(const std::string& context_id) const {
  const std::string key = context_id.empty() ? kDefaultContextId : context_id;
  MutexLock lock(&sandbox_->contexts_mu);
  auto& contexts = sandbox_->contexts;
  auto found = contexts.find(key);
  // Only this makes them.
  if (found != contexts.end()) return std::static_pointer_cast<CloudContext>(found->second);
  if (contexts.size() >= kMaxContexts) return nullptr;
  auto context = std::make_shared<CloudContext>(
      cloud_, sandbox_, CloudContext::Spec{key == kDefaultContextId ? "" : key, {}});
  if (!sandbox_->contexts_closed) contexts[key] = context;
  return context;
}

ExecutionDesk InterpreterClient::Desk() const {
  return {sandbox_->id, cloud_, cloud_->detached(), cloud_->memory()};
}

std::unique_ptr<Operation> InterpreterClient::Execute(v1::ExecuteCodeRequest request,
                                                      std::shared_ptr<ExecutionSink> sink) const {
  absl::Status status = ValidateExecute(request);
  status.Update(CheckServed(request));
  if (!status.ok()) return RefuseExecution(*sink, std::move(status));
  request.clear_sandbox_id();
  const std::string request_id = request.request_id();
  const std::string fingerprint = request_id.empty() ? "" : Fingerprint(request);
  auto context = ContextOf(request.context_id());
  if (context == nullptr) return RefuseExecution(*sink, NoSuchCloudContext(request.context_id()));
  auto execution = std::make_shared<Execution>(std::move(request), sink, cloud_->detached());
  execution->Hold(SandboxUse(sandbox_->use));
  if (!request_id.empty()) {
    auto earlier =
        cloud_->detached().AddOnce(sandbox_->id, request_id, fingerprint, context, execution);
    if (!earlier.ok()) return RefuseExecution(*sink, earlier.status());
    if (earlier->execution) return Desk().TakePlace(*earlier, std::move(sink));
  } else if (execution->kept()) {
    cloud_->detached().Add(sandbox_->id, context, execution);
  }
  auto arrived = SureReply<bool>([execution](const absl::StatusOr<bool>& accepted) {
    if (!accepted.ok()) execution->Fail(accepted.status());
  });
  cloud_->Post([cloud = cloud_, context, execution, arrived = std::move(arrived)]() mutable {
    absl::Status accepted = context->Execute(execution);
    if (accepted.ok()) return arrived(true);
    cloud->detached().Remove(execution->id());
    arrived(std::move(accepted));
  });
  return Desk().Operate(std::move(context), std::move(execution));
}

std::unique_ptr<Operation> InterpreterClient::Connect(const v1::ConnectExecutionRequest& request,
                                                      std::shared_ptr<ExecutionSink> sink) const {
  return Desk().Connect(request, std::move(sink), [](const std::string&) {
    // What runs with its client and was not detached is not on record: to who asks it is as one
    // that never was.
    return false;
  });
}

void InterpreterClient::Interrupt(const std::string& context_id,
                                  Reply<v1::InterruptExecutionResponse> reply) const {
  cloud_->Post([self = *this, context_id, reply = SureReply(std::move(reply))]() mutable {
    auto context = self.ContextOf(context_id);
    absl::Status status =
        context == nullptr ? NoSuchCloudContext(context_id) : context->Interrupt();
    if (!status.ok()) return reply(std::move(status));
    reply(v1::InterruptExecutionResponse());
  });
}

void InterpreterClient::CreateContext(v1::CreateContextRequest request,
                                      Reply<v1::Context> reply) const {
  if (absl::Status status = ValidateCreateContext(request); !status.ok())
    return reply(std::move(status));
  request.clear_sandbox_id();
  const std::string request_id = request.request_id();
  if (request_id.empty()) return Make(std::move(request), std::move(reply));
  auto begun = sandbox_->context_requests.Begin(request_id, Fingerprint(request), reply);
  if (!begun.ok()) return reply(begun.status());
  if (begun->next == ContextRequests::Next::kWait) return;
  if (begun->next == ContextRequests::Next::kMade)
    return Resolve(begun->context_id, std::move(reply));
  Make(std::move(request), [sandbox = sandbox_, request_id,
                            reply = std::move(reply)](absl::StatusOr<v1::Context> made) mutable {
    sandbox->context_requests.Made(request_id, made);
    reply(std::move(made));
  });
}

void InterpreterClient::Make(v1::CreateContextRequest request, Reply<v1::Context> reply) const {
  nlohmann::json body;
  body["language"] = request.language();
  if (!request.working_directory().empty()) body["cwd"] = request.working_directory();
  cloud_->Post([self = *this, body = JsonText(body), request = std::move(request),
                reply = SureReply(std::move(reply))]() mutable {
    self.cloud_->Ask(
        InterpreterRequest(self.cloud_->options(), *self.sandbox_, "POST", "/contexts",
                           std::move(body)),
        HttpAgain::kIfNotDone,
        [self, request = std::move(request),
         reply = std::move(reply)](absl::StatusOr<HttpAnswer> answer) mutable {
          absl::Status status = answer.ok() ? InterpreterStatus(*answer) : answer.status();
          if (!status.ok()) return self.cloud_->Explain(self.sandbox_, status, std::move(reply));
          auto json = ParseCloudJson(answer->body, "the cloud's word on a context");
          if (!json.ok()) return reply(json.status());
          v1::Context context;
          context.set_context_id(TextField(*json, "id", kMaxContextId));
          if (context.context_id().empty())
            return reply(absl::InternalError("the cloud's word on a context names none"));
          context.set_sandbox_id(self.sandbox_->id);
          context.set_language(TextField(*json, "language"));
          context.set_working_directory(TextField(*json, "cwd"));
          context.set_alive(true);
          *context.mutable_created_at() = ToProto(absl::Now());
          self.Keep(context.context_id(), request.env());
          reply(std::move(context));
        });
  });
}

void InterpreterClient::Keep(const std::string& context_id, const StringMap& env) const {
  CloudContext::Spec spec{context_id, {env.begin(), env.end()}};
  MutexLock lock(&sandbox_->contexts_mu);
  if (sandbox_->contexts_closed || sandbox_->contexts.size() >= kMaxContexts) return;
  sandbox_->contexts[context_id] =
      std::make_shared<CloudContext>(cloud_, sandbox_, std::move(spec));
}

void InterpreterClient::List(absl::AnyInvocable<void(absl::StatusOr<Contexts>)> told) const {
  cloud_->Ask(InterpreterRequest(cloud_->options(), *sandbox_, "GET", "/contexts"),
              HttpAgain::kAlways,
              [self = *this, told = std::move(told)](absl::StatusOr<HttpAnswer> answer) mutable {
                absl::Status status = answer.ok() ? InterpreterStatus(*answer) : answer.status();
                if (!status.ok())
                  return self.cloud_->Explain(self.sandbox_, status, std::move(told));
                auto json = ParseCloudJson(answer->body, "the cloud's list of contexts");
                if (json.ok() && !json->is_array())
                  json = absl::InternalError("the cloud's list of contexts is none");
                if (!json.ok()) return told(json.status());
                Contexts contexts = ReadContexts(*json, self.sandbox_->id);
                for (v1::Context& context : contexts) {
                  auto known = self.ContextOf(IsDefault(context) ? "" : context.context_id());
                  if (known != nullptr) context.set_execution_count(known->execution_count());
                }
                told(std::move(contexts));
              });
}

void InterpreterClient::ListContexts(Reply<v1::ListContextsResponse> reply) const {
  cloud_->Post([self = *this, reply = SureReply(std::move(reply))]() mutable {
    self.List([reply = std::move(reply)](absl::StatusOr<Contexts> contexts) mutable {
      if (!contexts.ok()) return reply(contexts.status());
      v1::ListContextsResponse response;
      for (v1::Context& context : *contexts) {
        NameDefault(context);
        *response.add_contexts() = std::move(context);
      }
      reply(std::move(response));
    });
  });
}

// With the cloud's own id, the default one too.
void InterpreterClient::Resolve(const std::string& context_id, Reply<v1::Context> reply) const {
  cloud_->Post([self = *this, context_id, reply = SureReply(std::move(reply))]() mutable {
    self.List([context_id, reply = std::move(reply)](absl::StatusOr<Contexts> contexts) mutable {
      if (!contexts.ok()) return reply(contexts.status());
      const bool wants_default = context_id.empty() || context_id == kDefaultContextId;
      for (v1::Context& context : *contexts) {
        if (wants_default ? IsDefault(context) : context.context_id() == context_id)
          return reply(std::move(context));
      }
      reply(NoSuchCloudContext(context_id));
    });
  });
}

void InterpreterClient::Change(const std::string& context_id, const char* method,
                               const char* suffix, StopReason why, Reply<v1::Context> reply) const {
  Resolve(context_id, [self = *this, context_id, method, suffix, why,
                       reply = std::move(reply)](absl::StatusOr<v1::Context> found) mutable {
    if (!found.ok()) return reply(found.status());
    if (auto context = self.ContextOf(IsDefault(*found) ? kDefaultContextId : context_id))
      context->End(why);
    const std::string path = absl::StrCat("/contexts/", PercentEncode(found->context_id()), suffix);
    self.cloud_->Ask(InterpreterRequest(self.cloud_->options(), *self.sandbox_, method, path),
                     HttpAgain::kIfNotDone,
                     [self, found = *std::move(found),
                      reply = std::move(reply)](absl::StatusOr<HttpAnswer> answer) mutable {
                       absl::Status status =
                           answer.ok() ? InterpreterStatus(*answer) : answer.status();
                       if (!status.ok())
                         return self.cloud_->Explain(self.sandbox_, status, std::move(reply));
                       NameDefault(found);
                       found.clear_execution_count();
                       reply(std::move(found));
                     });
  });
}

void InterpreterClient::DeleteContext(const std::string& context_id,
                                      Reply<v1::DeleteContextResponse> reply) const {
  Change(context_id, "DELETE", "", StopReason::kDeleted,
         [sandbox = sandbox_, context_id,
          reply = std::move(reply)](absl::StatusOr<v1::Context> deleted) mutable {
           if (!deleted.ok()) return reply(deleted.status());
           sandbox->context_requests.ForgetContext(context_id);
           // By the name it was used by, and as it is listed: the default one has several.
           CloudContexts::node_type asked_for;
           CloudContexts::node_type listed;
           {
             MutexLock lock(&sandbox->contexts_mu);
             asked_for = sandbox->contexts.extract(context_id);
             listed = sandbox->contexts.extract(deleted->context_id());
           }
           reply(v1::DeleteContextResponse());
         });
}

void InterpreterClient::RestartContext(const std::string& context_id,
                                       Reply<v1::Context> reply) const {
  Change(context_id, "POST", "/restart", StopReason::kRestarted, std::move(reply));
}

}  // namespace warren
