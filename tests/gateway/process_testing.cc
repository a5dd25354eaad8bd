#include "tests/gateway/process_testing.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "supervisor/gateway/envd/connect_rpc.h"

namespace warren {
namespace {

constexpr int kFirstPid = 101;

absl::Status NotHere() { return absl::NotFoundError("no such process"); }

}  // namespace

class FakeProcesses::Client final : public Operation {
 public:
  explicit Client(FakeProcesses& processes) : processes_(processes) {}
  void Resume() override {}
  void Cancel() override {}
  Departure Disconnect() override {
    processes_.Leave();
    return Departure::kGoesOn;
  }

 private:
  FakeProcesses& processes_;
};

void FakeProcesses::SetState(v1::Sandbox::State state) {
  MutexLock lock(&mu_);
  state_ = state;
}

void FakeProcesses::Say(const std::string& process_id, v1::ProcessEvent::Output::Stream stream,
                        const std::string& data) {
  v1::ProcessEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data);
  MutexLock lock(&mu_);
  for (const auto& sink : entries_[process_id].sinks) sink->Push(event);
}

void FakeProcesses::Exit(const std::string& process_id, const v1::Termination& termination) {
  v1::ProcessEvent event;
  *event.mutable_exited()->mutable_termination() = termination;
  MutexLock lock(&mu_);
  Entry& entry = entries_[process_id];
  *entry.process.mutable_termination() = termination;
  for (const auto& sink : entry.sinks) {
    sink->Push(event);
    sink->End(absl::OkStatus());
  }
  entry.sinks.clear();
}

void FakeProcesses::Exit(const std::string& process_id, int exit_code) {
  v1::Termination termination;
  termination.set_kind(v1::Termination::EXITED);
  termination.set_exit_code(exit_code);
  Exit(process_id, termination);
}

void FakeProcesses::Add(const v1::Process& process) {
  MutexLock lock(&mu_);
  entries_[process.process_id()].process = process;
}

v1::StartProcessRequest FakeProcesses::last_start() const {
  MutexLock lock(&mu_);
  return last_start_;
}

std::vector<std::string> FakeProcesses::inputs() const {
  MutexLock lock(&mu_);
  return inputs_;
}

std::vector<v1::SignalProcessRequest> FakeProcesses::signals() const {
  MutexLock lock(&mu_);
  return signals_;
}

v1::ResizeTerminalRequest FakeProcesses::last_resize() const {
  MutexLock lock(&mu_);
  return last_resize_;
}

int FakeProcesses::left() const {
  MutexLock lock(&mu_);
  return left_;
}

void FakeProcesses::Leave() {
  MutexLock lock(&mu_);
  ++left_;
}

void FakeProcesses::Get(const Call&, Reply<v1::Sandbox> reply) {
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id(id_);
  {
    MutexLock lock(&mu_);
    sandbox.set_state(state_);
  }
  reply(std::move(sandbox));
}

std::unique_ptr<Operation> FakeProcesses::StartProcess(const Call&, v1::StartProcessRequest request,
                                                       std::shared_ptr<ProcessSink> sink) {
  absl::Status refused;
  if (request.arguments(0) == "missing")
    refused = absl::NotFoundError("program \"missing\" cannot be executed: No such file");
  if (request.working_directory() == "/missing")
    refused = absl::NotFoundError("working_directory \"/missing\" cannot be entered: No such file");
  if (!refused.ok()) {
    sink->End(refused);
    return std::make_unique<Client>(*this);
  }
  std::string process_id;
  {
    MutexLock lock(&mu_);
    process_id = absl::StrCat("p", entries_.size() + 1);
    v1::Process& process = entries_[process_id].process;
    process.set_process_id(process_id);
    process.set_pid(kFirstPid + static_cast<int>(entries_.size()) - 1);
    *process.mutable_arguments() = request.arguments();
    process.set_working_directory(request.working_directory());
    process.set_has_terminal(request.has_terminal());
    last_start_ = std::move(request);
  }
  return AddClient(process_id, std::move(sink));
}

std::unique_ptr<Operation> FakeProcesses::AddClient(const std::string& process_id,
                                                    std::shared_ptr<ProcessSink> sink) {
  MutexLock lock(&mu_);
  auto found = entries_.find(process_id);
  if (found == entries_.end()) {
    sink->End(NotHere());
    return std::make_unique<Client>(*this);
  }
  v1::ProcessEvent started;
  started.mutable_started()->set_process_id(process_id);
  started.mutable_started()->set_pid(found->second.process.pid());
  sink->Push(std::move(started));
  if (found->second.process.has_termination()) {
    v1::ProcessEvent exited;
    *exited.mutable_exited()->mutable_termination() = found->second.process.termination();
    sink->Push(std::move(exited));
    sink->End(absl::OkStatus());
  } else {
    found->second.sinks.push_back(std::move(sink));
  }
  return std::make_unique<Client>(*this);
}

std::unique_ptr<Operation> FakeProcesses::ConnectProcess(const Call&,
                                                         const v1::ConnectProcessRequest& request,
                                                         std::shared_ptr<ProcessSink> sink) {
  return AddClient(request.process_id(), std::move(sink));
}

void FakeProcesses::WriteInput(const Call&, v1::WriteProcessInputRequest request,
                               Reply<v1::WriteProcessInputResponse> reply) {
  absl::Status status;
  {
    MutexLock lock(&mu_);
    Entry& entry = entries_[request.process_id()];
    if (entry.input_closed) status = absl::FailedPreconditionError("its input is closed");
    entry.input_closed = entry.input_closed || request.close();
    inputs_.push_back(absl::StrCat(request.process_id(), ":", request.data()));
  }
  if (!status.ok()) return reply(status);
  reply(v1::WriteProcessInputResponse());
}

void FakeProcesses::ResizeTerminal(const Call&, const v1::ResizeTerminalRequest& request,
                                   Reply<v1::ResizeTerminalResponse> reply) {
  {
    MutexLock lock(&mu_);
    last_resize_ = request;
  }
  reply(v1::ResizeTerminalResponse());
}

void FakeProcesses::SignalProcess(const Call&, const v1::SignalProcessRequest& request,
                                  Reply<v1::SignalProcessResponse> reply) {
  {
    MutexLock lock(&mu_);
    signals_.push_back(request);
  }
  reply(v1::SignalProcessResponse());
}

void FakeProcesses::ListProcesses(const Call&, Reply<v1::ListProcessesResponse> reply) {
  v1::ListProcessesResponse response;
  {
    MutexLock lock(&mu_);
    for (const auto& [id, entry] : entries_) *response.add_processes() = entry.process;
  }
  reply(std::move(response));
}

std::unique_ptr<Operation> OneSandboxBackend::Create(const Call&, const v1::CreateSandboxRequest&,
                                                     Reply<v1::Sandbox> reply) {
  reply(absl::UnimplementedError("it has one sandbox"));
  return nullptr;
}

void OneSandboxBackend::Open(const Call&, const std::string& sandbox_id,
                             Reply<std::shared_ptr<SandboxHandle>> reply) {
  if (sandbox_id != "sb1") return reply(absl::NotFoundError("no such sandbox"));
  reply(sandbox_);
}

void OneSandboxBackend::List(const Call&, const v1::ListSandboxesRequest&,
                             Reply<v1::ListSandboxesResponse> reply) {
  reply(v1::ListSandboxesResponse());
}

void OneSandboxBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  reply(v1::ListTemplatesResponse());
}

void OneSandboxBackend::GetEnvironment(const Call&, const std::string&,
                                       Reply<v1::Environment> reply) {
  reply(v1::Environment());
}

StreamCall::StreamCall(HttpServer& server, const std::string& method, const std::string& body,
                       std::map<std::string, std::string> headers)
    : client_(server) {
  headers.emplace("Content-Type", "application/connect+json");
  client_.SendRequest("POST", absl::StrCat("/process.Process/", method), headers, body);
}

bool StreamCall::TakeChunk() {
  if (!has_head_) {
    const size_t end = raw_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    raw_.erase(0, end + 4);
    has_head_ = true;
  }
  const size_t line = raw_.find("\r\n");
  uint32_t size = 0;
  if (line == std::string::npos || !absl::SimpleHexAtoi(raw_.substr(0, line), &size)) return false;
  if (raw_.size() < line + size + 4) return false;
  body_ += raw_.substr(line + 2, size);
  raw_.erase(0, line + size + 4);
  return true;
}

std::optional<StreamFrame> StreamCall::Next() {
  for (;;) {
    if (body_.size() >= kEnvelopeHead) {
      size_t size = 0;
      for (size_t i = 1; i < kEnvelopeHead; ++i)
        size = size << 8 | static_cast<unsigned char>(body_[i]);
      if (body_.size() >= kEnvelopeHead + size) {
        StreamFrame frame;
        frame.end = body_[0] == kEndOfStream;
        frame.json =
            nlohmann::json::parse(body_.substr(kEnvelopeHead, size), nullptr, /*exceptions=*/false);
        body_.erase(0, kEnvelopeHead + size);
        return frame;
      }
    }
    if (TakeChunk()) continue;
    const std::string more = client_.Receive();
    if (more.empty()) return std::nullopt;
    raw_ += more;
  }
}

std::vector<StreamFrame> StreamCall::Rest() {
  std::vector<StreamFrame> frames;
  while (frames.empty() || !frames.back().end) {
    auto frame = Next();
    if (!frame) break;
    frames.push_back(*std::move(frame));
  }
  return frames;
}

ProcessGateway::ProcessGateway(double pace)
    : envd_(door_, pace), server_([this](Exchange& exchange) -> Async<void> {
        const std::string id(exchange.header("E2b-Sandbox-Id"));
        co_await envd_.Serve(exchange, id, exchange.target().segments.at(1));
      }) {}

std::map<std::string, std::string> ProcessGateway::Headers(
    const std::map<std::string, std::string>& more) const {
  std::map<std::string, std::string> headers = more;
  headers.emplace("E2b-Sandbox-Id", "sb1");
  headers.emplace("X-Access-Token", tokens_.Envd("sb1"));
  return headers;
}

nlohmann::json ProcessGateway::Rpc(const std::string& method, const nlohmann::json& request) {
  TestClient client(*server_);
  const HttpAnswer answer =
      client.Ask("POST", "/process.Process/" + method,
                 Headers({{"Content-Type", "application/json"}}), request.dump());
  return nlohmann::json::parse(answer.body, nullptr, /*exceptions=*/false);
}

StreamCall ProcessGateway::Stream(const std::string& method, const nlohmann::json& request,
                                  const std::map<std::string, std::string>& more) {
  return StreamCall(*server_, method, Envelope(0, request.dump()), Headers(more));
}

}  // namespace warren
