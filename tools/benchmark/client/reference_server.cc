// Bare gRPC: the public API's own messages over the same kind of connection, with nothing behind.
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/reference_files.h"
#include "tools/benchmark/client/references.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/session_client.h"

namespace warren::bench {
namespace {

// As long as a real answer.
v1::Sandbox SomeSandbox(const v1::CreateSandboxRequest& request) {
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id("sb0123456789abcdefghij");
  sandbox.set_template_id(request.template_id());
  sandbox.set_state(v1::Sandbox::RUNNING);
  sandbox.set_default_context_id("ctx0123456789abcdefghij");
  sandbox.mutable_created_at()->set_seconds(1);
  sandbox.mutable_expires_at()->set_seconds(301);
  sandbox.mutable_limits()->set_memory_bytes(int64_t{1} << 30);
  sandbox.mutable_limits()->set_pids(256);
  return sandbox;
}

class Sandboxes final : public v1::SandboxService::CallbackService {
  grpc::ServerUnaryReactor* CreateSandbox(grpc::CallbackServerContext* context,
                                          const v1::CreateSandboxRequest* request,
                                          v1::Sandbox* response) override {
    *response = SomeSandbox(*request);
    return Finish(context);
  }
  grpc::ServerUnaryReactor* DestroySandbox(grpc::CallbackServerContext* context,
                                           const v1::DestroySandboxRequest*,
                                           v1::DestroySandboxResponse*) override {
    return Finish(context);
  }
  // No pools: always full.
  grpc::ServerUnaryReactor* ListSandboxes(grpc::CallbackServerContext* context,
                                          const v1::ListSandboxesRequest*,
                                          v1::ListSandboxesResponse*) override {
    return Finish(context);
  }

  static grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// Started, the bytes, Finished. Owns itself until OnDone.
class Stream final : public grpc::ServerWriteReactor<v1::ExecutionEvent> {
 public:
  Stream(int64_t bytes, int64_t chunk) : left_(bytes), chunk_(chunk) {
    event_.mutable_started()->set_execution_id("ex0123456789abcdefghij");
    StartWrite(&event_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok || event_.has_finished()) {
      Finish(grpc::Status::OK);
      return;
    }
    Next();
    StartWrite(&event_);
  }
  void OnDone() override { delete this; }

 private:
  void Next() {
    if (left_ <= 0) {
      event_.mutable_finished()->mutable_termination()->set_kind(v1::Termination::EXITED);
      return;
    }
    int64_t size = std::min(left_, chunk_);
    left_ -= size;
    // Filled anew each time, as by a server that has just read it from somewhere.
    event_.mutable_output()->set_data(std::string(static_cast<size_t>(size), 'x'));
  }

  int64_t left_;
  int64_t chunk_;
  v1::ExecutionEvent event_;
};

class Executions final : public v1::ExecutionService::CallbackService {
  grpc::ServerWriteReactor<v1::ExecutionEvent>* ExecuteCode(
      grpc::CallbackServerContext*, const v1::ExecuteCodeRequest* request) override {
    int64_t chunk = 0;
    if (!absl::SimpleAtoi(request->code(), &chunk) || chunk <= 0) chunk = 64 * 1024;
    return new Stream(request->max_output_bytes(), chunk);
  }
};

}  // namespace

absl::Status ServeReference(const std::string& address) {
  Sandboxes sandboxes;
  Executions executions;
  ReferenceFiles files;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&sandboxes);
  builder.RegisterService(&executions);
  builder.RegisterService(&files);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return absl::UnavailableError(absl::StrCat("listen on ", address));
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server->Shutdown();
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::json> MeasureEcho(const std::string& address, int count, int warmup) {
  SessionClient client(address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  v1::CreateSandboxRequest request;
  request.set_template_id("data-science");
  Samples times;
  for (int i = -warmup; i < count; ++i) {
    int64_t begin = NowNs();
    WARREN_RETURN_IF_ERROR(client.Create(request).status());
    if (i >= 0) times.push_back(NowNs() - begin);
  }
  return nlohmann::json{{"echo", times}};
}

}  // namespace warren::bench
