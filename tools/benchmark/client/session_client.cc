#include "tools/benchmark/client/session_client.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/calls.h"
#include "tools/benchmark/client/samples.h"

namespace warren::bench {
namespace {

// Enough to look for what is expected; a flood of output is counted, not kept.
constexpr size_t kKeptText = 64 * 1024;

// What a cell said, as far as it matters here.
struct Heard {
  std::string text;
  std::string error;
  v1::Termination termination;
};

void Keep(const std::string& data, std::string& text) {
  if (text.size() < kKeptText) text.append(data, 0, kKeptText - text.size());
}

void Hear(const v1::ExecutionEvent& event, Heard& heard, CellRun& run) {
  switch (event.event_case()) {
    case v1::ExecutionEvent::kStarted:
      run.started_ns = NowNs();
      break;
    case v1::ExecutionEvent::kOutput:
      run.output_bytes += static_cast<int64_t>(event.output().data().size());
      Keep(event.output().data(), heard.text);
      break;
    case v1::ExecutionEvent::kDisplay: {
      auto plain = event.display().data().find("text/plain");
      if (plain != event.display().data().end()) Keep(plain->second, heard.text);
      break;
    }
    case v1::ExecutionEvent::kError:
      heard.error = absl::StrCat(event.error().name(), ": ", event.error().value());
      break;
    case v1::ExecutionEvent::kFinished:
      heard.termination = event.finished().termination();
      run.finished_ns = NowNs();
      break;
    default:
      break;
  }
}

void Hear(const v1::InstallPackageEvent& event, InstallRun& run) {
  if (event.has_done()) {
    run.done_ns = NowNs();
    run.cached = event.done().cached();
    return;
  }
  const std::string phase = v1::InstallPackageEvent::Progress::Phase_Name(event.progress().phase());
  if (run.phases.empty() || run.phases.back().first != phase) {
    run.phases.emplace_back(phase, NowNs());
  }
}

absl::Status CheckState(absl::string_view what, const v1::Sandbox& sandbox,
                        v1::Sandbox::State wanted) {
  if (sandbox.state() == wanted) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat(what, ": answered in state ", v1::Sandbox::State_Name(sandbox.state())));
}

absl::Status Check(const Cell& cell, const Heard& heard) {
  if (heard.termination.kind() != v1::Termination::EXITED) {
    return absl::InternalError(absl::StrCat("the cell ended as ",
                                            v1::Termination::Kind_Name(heard.termination.kind()),
                                            ": ", heard.termination.message(), " ", heard.error));
  }
  if (!absl::StrContains(heard.text, cell.expect)) {
    return absl::InternalError(absl::StrCat("the cell's output lacks \"", cell.expect, "\": \"",
                                            heard.text.substr(0, 200), "\""));
  }
  return absl::OkStatus();
}

}  // namespace

std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Else gRPC lets all channels to one address share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

SessionClient::SessionClient(const std::string& address)
    : channel_(OwnChannel(address)),
      sandboxes_(v1::SandboxService::NewStub(channel_)),
      executions_(v1::ExecutionService::NewStub(channel_)),
      contexts_(v1::ContextService::NewStub(channel_)),
      processes_(v1::ProcessService::NewStub(channel_)),
      packages_(v1::PackageService::NewStub(channel_)) {}

absl::Status SessionClient::Connect() {
  auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
  if (channel_->WaitForConnected(deadline)) return absl::OkStatus();
  return absl::UnavailableError("connect to the server: no answer within 60 s; is it running?");
}

absl::StatusOr<v1::Sandbox> SessionClient::Create(const v1::CreateSandboxRequest& request) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::Sandbox sandbox;
  grpc::Status status = sandboxes_->CreateSandbox(&context, request, &sandbox);
  WARREN_RETURN_IF_ERROR(FromGrpc("create a sandbox", status));
  WARREN_RETURN_IF_ERROR(CheckState("create a sandbox", sandbox, v1::Sandbox::RUNNING));
  return sandbox;
}

absl::StatusOr<CellRun> SessionClient::Run(const std::string& sandbox_id, const Cell& cell) {
  v1::ExecuteCodeRequest request;
  request.set_sandbox_id(sandbox_id);
  request.set_context_id(cell.context_id);
  request.set_code(cell.code);
  request.set_max_output_bytes(cell.max_output_bytes);
  // Only a hang takes so long on a host of any pace.
  request.mutable_timeout()->set_seconds(1200);
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(1500));
  std::unique_ptr<grpc::ClientReader<v1::ExecutionEvent>> reader =
      executions_->ExecuteCode(&context, request);
  CellRun run;
  Heard heard;
  v1::ExecutionEvent event;
  while (reader->Read(&event)) Hear(event, heard, run);
  WARREN_RETURN_IF_ERROR(FromGrpc("execute a cell", reader->Finish()));
  WARREN_RETURN_IF_ERROR(Check(cell, heard));
  run.text = std::move(heard.text);
  return run;
}

absl::Status SessionClient::Destroy(const std::string& sandbox_id) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(sandbox_id);
  v1::DestroySandboxResponse response;
  return FromGrpc("destroy a sandbox", sandboxes_->DestroySandbox(&context, request, &response));
}

absl::StatusOr<v1::ListSandboxesResponse> SessionClient::List() {
  v1::ListSandboxesResponse all;
  v1::ListSandboxesRequest request;
  do {
    grpc::ClientContext context;
    SetTimeout(context, std::chrono::seconds(600));
    v1::ListSandboxesResponse page;
    grpc::Status status = sandboxes_->ListSandboxes(&context, request, &page);
    WARREN_RETURN_IF_ERROR(FromGrpc("list the sandboxes", status));
    request.set_page_token(page.next_page_token());
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return all;
}

absl::Status SessionClient::Pause(const std::string& sandbox_id) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::PauseSandboxRequest request;
  request.set_sandbox_id(sandbox_id);
  v1::Sandbox sandbox;
  grpc::Status status = sandboxes_->PauseSandbox(&context, request, &sandbox);
  WARREN_RETURN_IF_ERROR(FromGrpc("pause a sandbox", status));
  return CheckState("pause a sandbox", sandbox, v1::Sandbox::PAUSED);
}

absl::Status SessionClient::Resume(const std::string& sandbox_id) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::ResumeSandboxRequest request;
  request.set_sandbox_id(sandbox_id);
  v1::Sandbox sandbox;
  grpc::Status status = sandboxes_->ResumeSandbox(&context, request, &sandbox);
  WARREN_RETURN_IF_ERROR(FromGrpc("resume a sandbox", status));
  return CheckState("resume a sandbox", sandbox, v1::Sandbox::RUNNING);
}

absl::Status SessionClient::SetNetwork(const std::string& sandbox_id,
                                       const v1::NetworkPolicy& policy) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::SetSandboxNetworkRequest request;
  request.set_sandbox_id(sandbox_id);
  *request.mutable_network() = policy;
  v1::Sandbox sandbox;
  return FromGrpc("set a sandbox's network",
                  sandboxes_->SetSandboxNetwork(&context, request, &sandbox));
}

absl::StatusOr<v1::Context> SessionClient::CreateContext(const std::string& sandbox_id) {
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  v1::CreateContextRequest request;
  request.set_sandbox_id(sandbox_id);
  v1::Context made;
  grpc::Status status = contexts_->CreateContext(&context, request, &made);
  WARREN_RETURN_IF_ERROR(FromGrpc("create a context", status));
  if (!made.alive()) {
    return absl::InternalError(absl::StrCat("create a context: answered dead: ", made.reason()));
  }
  return made;
}

absl::Status SessionClient::DeleteContext(const v1::Context& context) {
  grpc::ClientContext call;
  SetTimeout(call, std::chrono::seconds(600));
  v1::DeleteContextRequest request;
  request.set_sandbox_id(context.sandbox_id());
  request.set_context_id(context.context_id());
  v1::DeleteContextResponse response;
  return FromGrpc("delete a context", contexts_->DeleteContext(&call, request, &response));
}

absl::StatusOr<int64_t> SessionClient::RunCommand(const std::string& sandbox_id,
                                                  const std::vector<std::string>& arguments) {
  v1::StartProcessRequest request;
  request.set_sandbox_id(sandbox_id);
  request.mutable_arguments()->Assign(arguments.begin(), arguments.end());
  request.set_no_input(true);
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(1200));
  std::unique_ptr<grpc::ClientReader<v1::ProcessEvent>> reader =
      processes_->StartProcess(&context, request);
  int64_t exited_ns = 0;
  v1::Termination termination;
  v1::ProcessEvent event;
  while (reader->Read(&event)) {
    if (!event.has_exited()) continue;
    exited_ns = NowNs();
    termination = event.exited().termination();
  }
  WARREN_RETURN_IF_ERROR(FromGrpc("start a process", reader->Finish()));
  if (termination.kind() != v1::Termination::EXITED || termination.exit_code() != 0) {
    return absl::InternalError(absl::StrCat("the process ended as ",
                                            v1::Termination::Kind_Name(termination.kind()), " (",
                                            termination.exit_code(), "): ", termination.message()));
  }
  return exited_ns;
}

absl::StatusOr<InstallRun> SessionClient::Install(const std::string& sandbox_id,
                                                  const std::string& requirement) {
  v1::InstallPackageRequest request;
  request.set_sandbox_id(sandbox_id);
  request.mutable_what()->add_requirements(requirement);
  grpc::ClientContext context;
  SetTimeout(context, std::chrono::seconds(600));
  std::unique_ptr<grpc::ClientReader<v1::InstallPackageEvent>> reader =
      packages_->InstallPackage(&context, request);
  InstallRun run;
  v1::InstallPackageEvent event;
  while (reader->Read(&event)) Hear(event, run);
  WARREN_RETURN_IF_ERROR(FromGrpc("install a package", reader->Finish()));
  if (run.done_ns == 0) return absl::InternalError("install a package: ended without Done");
  return run;
}

absl::Status WaitForFullPools(SessionClient& client) {
  constexpr int64_t kPatienceNs = 60'000'000'000;
  for (int64_t give_up = NowNs() + kPatienceNs;;) {
    WARREN_ASSIGN_OR_RETURN(v1::ListSandboxesResponse list, client.List());
    bool full = std::all_of(list.pools().begin(), list.pools().end(), [](const auto& pool) {
      return pool.starting() == 0 && pool.ready() >= pool.target();
    });
    if (full) return absl::OkStatus();
    if (NowNs() > give_up) {
      return absl::DeadlineExceededError(absl::StrCat("wait for full pools: not full after 60 s: ",
                                                      list.pools(0).ShortDebugString()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
}

absl::Status Settle(SessionClient& client) {
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return absl::OkStatus();
}

}  // namespace warren::bench
