#ifndef WARREN_TESTS_GATEWAY_PROCESS_TESTING_H_
#define WARREN_TESTS_GATEWAY_PROCESS_TESTING_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "nlohmann/json.hpp"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/access_tokens.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/process_service.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {

// The processes of a sandbox, which do what the test says. The first is "p1" with the pid 101. A
// program "missing" or a directory "/missing" is not there. Thread-safe.
class FakeProcesses final : public SandboxHandle {
 public:
  // ---- For tests
  void SetState(v1::Sandbox::State state);
  // To all clients of it.
  void Say(const std::string& process_id, v1::ProcessEvent::Output::Stream stream,
           const std::string& data);
  void Exit(const std::string& process_id, const v1::Termination& termination);
  void Exit(const std::string& process_id, int exit_code);
  // As if it had been started by somebody else.
  void Add(const v1::Process& process);
  v1::StartProcessRequest last_start() const;
  // "p1:text", or "p1:" for a close, in order.
  std::vector<std::string> inputs() const;
  std::vector<v1::SignalProcessRequest> signals() const;
  v1::ResizeTerminalRequest last_resize() const;
  // Clients that have left, with the process going on.
  int left() const;

  // ---- SandboxHandle
  const std::string& id() const override { return id_; }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override;
  std::unique_ptr<Operation> StartProcess(const Call& call, v1::StartProcessRequest request,
                                          std::shared_ptr<ProcessSink> sink) override;
  std::unique_ptr<Operation> ConnectProcess(const Call& call,
                                            const v1::ConnectProcessRequest& request,
                                            std::shared_ptr<ProcessSink> sink) override;
  void WriteInput(const Call& call, v1::WriteProcessInputRequest request,
                  Reply<v1::WriteProcessInputResponse> reply) override;
  void ResizeTerminal(const Call& call, const v1::ResizeTerminalRequest& request,
                      Reply<v1::ResizeTerminalResponse> reply) override;
  void SignalProcess(const Call& call, const v1::SignalProcessRequest& request,
                     Reply<v1::SignalProcessResponse> reply) override;
  void ListProcesses(const Call& call, Reply<v1::ListProcessesResponse> reply) override;

 private:
  class Client;
  struct Entry {
    v1::Process process;
    std::vector<std::shared_ptr<ProcessSink>> sinks;
    bool input_closed = false;
  };
  std::unique_ptr<Operation> AddClient(const std::string& process_id,
                                       std::shared_ptr<ProcessSink> sink);
  void Leave();

  const std::string id_ = "sb1";
  mutable Mutex mu_;
  v1::Sandbox::State state_ ABSL_GUARDED_BY(mu_) = v1::Sandbox::RUNNING;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  v1::StartProcessRequest last_start_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> inputs_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::SignalProcessRequest> signals_ ABSL_GUARDED_BY(mu_);
  v1::ResizeTerminalRequest last_resize_ ABSL_GUARDED_BY(mu_);
  int left_ ABSL_GUARDED_BY(mu_) = 0;
};

// A backend with one sandbox, "sb1".
class OneSandboxBackend final : public Backend {
 public:
  explicit OneSandboxBackend(std::shared_ptr<SandboxHandle> sandbox)
      : sandbox_(std::move(sandbox)) {}

  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;

 private:
  const std::shared_ptr<SandboxHandle> sandbox_;
};

// A message of a stream's answer, or its end.
struct StreamFrame {
  bool end = false;
  nlohmann::json json;
};

// A streaming call and its answer, read frame by frame as it comes.
class StreamCall {
 public:
  StreamCall(HttpServer& server, const std::string& method, const std::string& body,
             std::map<std::string, std::string> headers);

  // Nothing: the connection was cut before the end.
  std::optional<StreamFrame> Next();
  // What follows, the end last; what was cut has none.
  std::vector<StreamFrame> Rest();
  void Close() { client_.Close(); }

 private:
  // Takes a chunk of the body from what has come. False: it is not whole.
  bool TakeChunk();

  TestClient client_;
  bool has_head_ = false;
  std::string raw_;
  std::string body_;
};

// envd's processes of "sb1" at a server.
class ProcessGateway {
 public:
  explicit ProcessGateway(double pace = 1);

  FakeProcesses& processes() { return *processes_; }
  HttpServer& server() { return *server_; }
  // Headers of who may.
  std::map<std::string, std::string> Headers(
      const std::map<std::string, std::string>& more = {}) const;
  // A unary call; {"code": …} where it fails.
  nlohmann::json Rpc(const std::string& method, const nlohmann::json& request);
  StreamCall Stream(const std::string& method, const nlohmann::json& request,
                    const std::map<std::string, std::string>& more = {});

 private:
  const std::shared_ptr<FakeProcesses> processes_ = std::make_shared<FakeProcesses>();
  OneSandboxBackend backend_{processes_};
  const AccessTokens tokens_{"a secret for tests"};
  SandboxDoor door_{backend_, tokens_};
  EnvdProcesses envd_;
  TestServer server_;
};

}  // namespace warren

#endif  // WARREN_TESTS_GATEWAY_PROCESS_TESTING_H_
