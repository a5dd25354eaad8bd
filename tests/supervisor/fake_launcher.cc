#include "tests/supervisor/fake_launcher.h"

#include <poll.h>

#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using internal::LauncherReply;
using internal::LauncherRequest;

constexpr size_t kMaxRequestBytes = 64 << 10;

}  // namespace

FakeLauncher::FakeLauncher() {
  auto sockets = MakeSeqpacketPair();
  EXPECT_TRUE(sockets.ok()) << sockets.status();
  client_ = std::make_unique<LauncherClient>(std::move(sockets->first));
  socket_ = std::move(sockets->second);
}

std::optional<LauncherRequest> FakeLauncher::Poll() {
  pollfd ready{socket_.get(), POLLIN, 0};
  if (::poll(&ready, 1, 0) != 1) return std::nullopt;
  auto message = ReceiveMessage(socket_.get(), kMaxRequestBytes);
  EXPECT_TRUE(message.ok()) << message.status();
  LauncherRequest request;
  if (!message.ok() || message->data.empty()) return std::nullopt;
  EXPECT_TRUE(request.ParseFromString(message->data));
  return request;
}

LauncherRequest FakeLauncher::Expect(LauncherRequest::RequestCase kind) {
  pollfd ready{socket_.get(), POLLIN, 0};
  if (::poll(&ready, 1, PatienceMs()) != 1) {
    ADD_FAILURE() << "no request came; wanted one of kind " << kind;
    return {};
  }
  auto request = Poll();
  if (!request || request->request_case() != kind) {
    ADD_FAILURE() << "wanted a request of kind " << kind << ", got "
                  << (request ? request->ShortDebugString().substr(0, 200) : "the end");
    return {};
  }
  return *std::move(request);
}

void FakeLauncher::Send(const LauncherReply& reply, std::span<const int> fds) {
  absl::Status sent = SendMessage(socket_.get(), reply.SerializeAsString(), fds);
  EXPECT_TRUE(sent.ok()) << sent;
}

void FakeLauncher::Reply(const LauncherRequest& request, const absl::Status& status) {
  LauncherReply reply;
  reply.set_request_id(request.request_id());
  reply.set_code(static_cast<int>(status.code()));
  reply.set_message(std::string(status.message()));
  Send(reply);
}

void FakeLauncher::ReplyZygote(const LauncherRequest& request, uint64_t zygote_id) {
  LauncherReply reply;
  reply.set_request_id(request.request_id());
  reply.mutable_zygote_started()->set_zygote_id(zygote_id);
  reply.mutable_zygote_started()->set_python_version("3.11.2");
  Send(reply);
}

std::unique_ptr<FakeWorker> FakeLauncher::ReplyStarted(const LauncherRequest& request,
                                                       uint64_t process_id) {
  auto worker = std::make_unique<FakeWorker>();
  const WorkerPipes pipes = worker->TakePipes();
  const std::vector<int> fds = {pipes.requests.get(), pipes.events.get(),
                                pipes.standard_output.get(), pipes.standard_error.get()};
  ReplyWith(request, process_id, fds);
  return worker;
}

void FakeLauncher::ReplyWith(const LauncherRequest& request, uint64_t process_id,
                             std::span<const int> fds) {
  LauncherReply reply;
  reply.set_request_id(request.request_id());
  reply.mutable_process_started()->set_process_id(process_id);
  Send(reply, fds);
}

void FakeLauncher::ReplyPort(const LauncherRequest& request, UniqueFd connection) {
  LauncherReply reply;
  reply.set_request_id(request.request_id());
  reply.mutable_port_connected();
  const int fds[] = {connection.get()};
  Send(reply, fds);
}

void FakeLauncher::SendProcessExited(const std::string& sandbox_id, int exit_code, int signal,
                                     bool sandbox_ends, uint64_t process_id) {
  LauncherReply event;
  auto* exited = event.mutable_process_exited();
  exited->set_process_id(process_id);
  exited->set_sandbox_id(sandbox_id);
  exited->set_exit_code(exit_code);
  exited->set_signal(signal);
  exited->set_sandbox_ends(sandbox_ends);
  Send(event);
}

void FakeLauncher::SendGone(const std::string& sandbox_id, internal::SandboxGone::Reason reason) {
  LauncherReply event;
  event.mutable_sandbox_gone()->set_sandbox_id(sandbox_id);
  event.mutable_sandbox_gone()->set_reason(reason);
  Send(event);
}

void FakeLauncher::SendZygoteExited(uint64_t zygote_id) {
  LauncherReply event;
  event.mutable_zygote_exited()->set_zygote_id(zygote_id);
  event.mutable_zygote_exited()->set_reason("killed");
  Send(event);
}

void FakeLauncher::SendRelayStarted(UniqueFd socket) {
  LauncherReply event;
  event.mutable_relay_started();
  const int fds[] = {socket.get()};
  Send(event, fds);
}

std::string LaunchedId(const LauncherRequest& request) {
  return request.create_sandbox().spec().sandbox_id();
}

int64_t LaunchedMemory(const LauncherRequest& request) {
  return request.create_sandbox().spec().limits().memory_bytes();
}

}  // namespace warren
