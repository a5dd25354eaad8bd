#include "supervisor/api/sandbox_service.h"

#include <memory>
#include <utility>

#include "supervisor/api/sink_stream.h"
#include "supervisor/api/unary_call.h"
#include "supervisor/backend/network_queue.h"

namespace warren {

grpc::ServerUnaryReactor* SandboxService::CreateSandbox(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return Unary<v1::CreateSandboxRequest, v1::Sandbox>(
      callers_, context, request, response,
      [this](const Call& call, const auto& what, UnaryCall<v1::Sandbox>& unary) {
        // With a request id its client asks again.
        auto reply = [this, &unary, who = call.who,
                      named = !what.request_id().empty()](const absl::StatusOr<v1::Sandbox>& made) {
          if (made.ok() && !named) {
            unary.IfUnheard([this, who, id = made->sandbox_id()] { Remove(who, id); });
          }
          unary.Answer(made);
        };
        unary.Attach(backend_.Create(call, what, std::move(reply)));
      });
}

void SandboxService::Remove(const Principal& who, const std::string& sandbox_id) {
  Call call;
  call.who = who;
  backend_.Open(call, sandbox_id,
                [call](const absl::StatusOr<std::shared_ptr<SandboxHandle>>& handle) {
                  if (!handle.ok()) return;
                  // It may have to live until it is answered.
                  (*handle)->Destroy(
                      call, [kept = *handle](const absl::StatusOr<v1::DestroySandboxResponse>&) {});
                });
}

grpc::ServerUnaryReactor* SandboxService::GetSandbox(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request,
                                                     grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::GetSandboxRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.Get(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::ListSandboxes(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return Unary<v1::ListSandboxesRequest, v1::ListSandboxesResponse>(
      callers_, context, request, response,
      [this](const Call& call, const auto& what, auto& unary) {
        backend_.List(call, what, unary.reply());
      });
}

grpc::ServerUnaryReactor* SandboxService::DestroySandbox(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::DestroySandboxRequest, v1::DestroySandboxResponse>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.Destroy(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::SetSandboxLifetime(grpc::CallbackServerContext* context,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::SetSandboxLifetimeRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.SetLifetime(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::PauseSandbox(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::PauseSandboxRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.Pause(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::ResumeSandbox(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request,
                                                        grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ResumeSandboxRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.Unpause(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::ChangeSandboxLimits(grpc::CallbackServerContext* context,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::ChangeSandboxLimitsRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.ChangeLimits(call, what, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::GetSandboxMetrics(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::GetSandboxMetricsRequest, v1::SandboxMetrics>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto&, auto reply) {
        sandbox.GetMetrics(call, std::move(reply));
      });
}

grpc::ServerUnaryReactor* SandboxService::SetSandboxNetwork(grpc::CallbackServerContext* context,
                                                            const grpc::ByteBuffer* request,
                                                            grpc::ByteBuffer* response) {
  return UnaryOnSandbox<v1::SetSandboxNetworkRequest, v1::Sandbox>(
      callers_, backend_, context, request, response,
      [](SandboxHandle& sandbox, const Call& call, const auto& what, auto reply) {
        sandbox.SetNetwork(call, what, std::move(reply));
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* SandboxService::WatchSandboxNetwork(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return StreamOnSandbox<NetworkEventQueue, v1::WatchSandboxNetworkRequest>(
      callers_, backend_, streams_, context, request,
      [](SandboxHandle& sandbox, const Call& call, const v1::WatchSandboxNetworkRequest&,
         const std::shared_ptr<NetworkEventQueue>& queue) {
        auto watch = sandbox.WatchNetwork(call, queue);
        queue->Begin();
        return watch;
      });
}

}  // namespace warren
