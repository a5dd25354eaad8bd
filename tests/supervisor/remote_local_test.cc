// Processes and files of another Warren: the remote backend, over gRPC, before this machine's
// backend, whose launcher and agent the test plays.
#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "runtime/control/agent_stream.h"
#include "supervisor/remote/remote_backend.h"
#include "tests/supervisor/door.h"
#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/local_testing.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/supervisor/sink.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::StreamEnd;
using ::testing::HasSubstr;
using warren::v1::ProcessEvent;
using warren::v1::Termination;

using ProcessNotes = NotingSink<ProcessEvent>;

std::string OutputOf(const ProcessNotes& sink) {
  std::string all;
  for (const ProcessEvent& event : sink.events()) all += event.output().data();
  return all;
}

class RemoteLocalTest : public LocalBackendTest {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    door = std::make_unique<Door>(*backend);
    remote = RemoteBackend::Connect({door->target()});
    sandbox_id = Create().sandbox_id();
    auto opened = Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { remote->Open({}, sandbox_id, std::move(reply)); });
    ASSERT_TRUE(opened.ok()) << opened.status();
    handle = *opened;
  }
  void TearDown() override {
    handle.reset();
    remote.reset();
    door.reset();
    LocalBackendTest::TearDown();
  }

  LauncherRequest ExpectStart(internal::StartProcess::Kind kind) {
    auto request = launcher.Expect(LauncherRequest::kStartProcess);
    EXPECT_EQ(request.start_process().kind(), kind);
    return request;
  }
  void StartAgent() { agent.Start(launcher, ExpectStart(internal::StartProcess::AGENT)); }
  static warren::v1::StartProcessRequest Program() {
    warren::v1::StartProcessRequest request;
    request.add_arguments("prog");
    return request;
  }
  // Runs, as process 5.
  std::unique_ptr<Operation> StartProcess(const std::shared_ptr<ProcessNotes>& sink,
                                          warren::v1::StartProcessRequest request = Program()) {
    auto operation = handle->StartProcess({}, std::move(request), sink);
    StartAgent();
    command.Offer(launcher, ExpectStart(internal::StartProcess::COMMAND), 5);
    EXPECT_EQ(agent.NextRequest().start().argv(0), "prog");
    agent.SayStarted(5);
    EXPECT_TRUE(Eventually([&] { return !sink->events().empty(); }));
    return operation;
  }
  void ExpectKilled() {
    auto request = launcher.Expect(LauncherRequest::kSignalProcess);
    EXPECT_EQ(request.signal_process().process_id(), 5u);
    launcher.ReplyOk(request);
  }
  bool HasClients(int many) {
    return Eventually([&] {
      auto list = Ask<warren::v1::ListProcessesResponse>(
          [&](auto reply) { handle->ListProcesses({}, std::move(reply)); });
      return list.ok() && list->processes_size() == 1 && list->processes(0).clients() == many;
    });
  }

  // The next call for files, of this kind.
  internal::FileCall NextCall(internal::FileCall::OperationCase kind) {
    internal::AgentRequest request = agent.NextRequest();
    while (request.has_credit()) request = agent.NextRequest();
    EXPECT_EQ(request.call().operation_case(), kind) << request.ShortDebugString();
    return request.call();
  }
  static internal::AgentEvent Ended(uint64_t stream_id, StreamEnd::Outcome outcome, int error = 0) {
    internal::AgentEvent event;
    event.mutable_end()->set_stream_id(stream_id);
    event.mutable_end()->set_outcome(outcome);
    event.mutable_end()->set_error(error);
    event.mutable_end()->set_detail("open");
    return event;
  }
  void SayData(uint64_t stream_id, const std::string& bytes) {
    internal::AgentEvent event;
    event.mutable_data()->set_stream_id(stream_id);
    event.mutable_data()->set_data(bytes);
    agent.Say(event);
  }

  std::unique_ptr<Door> door;
  std::unique_ptr<RemoteBackend> remote;
  std::string sandbox_id;
  std::shared_ptr<SandboxHandle> handle;
  FakeAgent agent;
  FakeCommand command;
};

// ---- Processes --------------------------------------------------------------------------------

TEST_F(RemoteLocalTest, AProcessFromStartToEnd) {
  auto sink = std::make_shared<ProcessNotes>();
  auto operation = StartProcess(sink);
  EXPECT_EQ(sink->events()[0].started().process_id(), "p5");
  command.Say("said");
  EXPECT_TRUE(Eventually([&] { return OutputOf(*sink) == "said"; }));

  warren::v1::WriteProcessInputRequest input;
  input.set_process_id("p5");
  input.set_data("typed");
  EXPECT_TRUE(Ask<warren::v1::WriteProcessInputResponse>([&](auto reply) {
                handle->WriteInput({}, input, std::move(reply));
              }).ok());
  char typed[5];
  EXPECT_EQ(::read(command.in.get(), typed, sizeof(typed)), 5);
  warren::v1::SignalProcessRequest signal;
  signal.set_process_id("p5");
  signal.set_signal(SIGHUP);
  auto send = [&] {
    return Ask<warren::v1::SignalProcessResponse>(
               [&](auto reply) { handle->SignalProcess({}, signal, std::move(reply)); })
        .status();
  };
  EXPECT_EQ(send(), absl::OkStatus());
  EXPECT_EQ(agent.NextRequest().signal().signal(), SIGHUP);
  signal.set_process_id("p6");
  EXPECT_TRUE(absl::IsNotFound(send()));
  signal.set_signal(65);
  EXPECT_TRUE(absl::IsInvalidArgument(send()));
  warren::v1::ResizeTerminalRequest size;
  size.set_process_id("p5");
  size.mutable_size();
  EXPECT_TRUE(absl::IsFailedPrecondition(Ask<warren::v1::ResizeTerminalResponse>([&](auto reply) {
                                           handle->ResizeTerminal({}, size, std::move(reply));
                                         }).status()));
  launcher.SendProcessExited(sandbox_id, 3, 0, false, 5);
  command.CloseAll();
  EXPECT_EQ(sink->Wait(), absl::OkStatus());
  EXPECT_EQ(sink->events().back().exited().termination().exit_code(), 3);
  EXPECT_EQ(sink->events().back().output_bytes(), 4);
}

TEST_F(RemoteLocalTest, WhatIsRefusedKeepsItsCode) {
  auto refused = [&](warren::v1::StartProcessRequest request) {
    auto sink = std::make_shared<ProcessNotes>();
    auto operation = handle->StartProcess({}, std::move(request), sink);
    const absl::Status status = sink->Wait();
    EXPECT_TRUE(sink->events().empty());
    return status;
  };
  EXPECT_THAT(std::string(refused({}).message()), HasSubstr("arguments"));
  warren::v1::StartProcessRequest nobody = Program();
  nobody.set_on_disconnect(static_cast<warren::v1::OnDisconnect>(77));
  EXPECT_TRUE(absl::IsInvalidArgument(refused(nobody)));
  auto sink = std::make_shared<ProcessNotes>();
  auto operation = handle->StartProcess({}, Program(), sink);
  StartAgent();
  command.Offer(launcher, ExpectStart(internal::StartProcess::COMMAND), 5);
  agent.NextRequest();
  agent.SayFailed(5, internal::CommandFailed::EXECUTE, ENOENT);
  EXPECT_TRUE(absl::IsNotFound(sink->Wait()));
  auto none = std::make_shared<ProcessNotes>();
  warren::v1::ConnectProcessRequest connect;
  connect.set_process_id("p9");
  auto connecting = handle->ConnectProcess({}, connect, none);
  EXPECT_TRUE(absl::IsNotFound(none->Wait()));
}

TEST_F(RemoteLocalTest, AProcessIsLeftAndGoneOnWith) {
  auto first = std::make_shared<ProcessNotes>();
  auto operation = StartProcess(first);
  command.Say("one");
  EXPECT_TRUE(Eventually([&] { return OutputOf(*first) == "one"; }));
  EXPECT_EQ(operation->Detach(), absl::OkStatus());
  EXPECT_TRUE(HasClients(0));
  command.Say("two");
  auto again = std::make_shared<ProcessNotes>();
  warren::v1::ConnectProcessRequest connect;
  connect.set_process_id("p5");
  connect.set_after_output_bytes(1);
  auto connected = handle->ConnectProcess({}, connect, again);
  EXPECT_TRUE(Eventually([&] { return OutputOf(*again) == "netwo"; }));
  EXPECT_EQ(again->events().back().output_bytes(), 6);
  connect.set_after_output_bytes(7);
  auto beyond = std::make_shared<ProcessNotes>();
  auto refused = handle->ConnectProcess({}, connect, beyond);
  EXPECT_TRUE(absl::IsOutOfRange(beyond->Wait()));
  launcher.SendProcessExited(sandbox_id, 0, 0, false, 5);
  command.CloseAll();
  EXPECT_EQ(again->Wait(), absl::OkStatus());
  EXPECT_EQ(OutputOf(*first), "one") << "it has left";
}

TEST_F(RemoteLocalTest, AProcessOfAClientThatGoesEndsAsItHasAsked) {
  auto sink = std::make_shared<ProcessNotes>();
  auto request = Program();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  auto operation = StartProcess(sink, request);
  operation->Cancel();
  ExpectKilled();
  EXPECT_TRUE(absl::IsCancelled(sink->Wait()));
}

TEST_F(RemoteLocalTest, ASlowClientSlowsTheProcess) {
  auto sink = std::make_shared<ProcessNotes>();
  sink->Answer(Flow::kPause);
  auto operation = StartProcess(sink);
  // Until its pipe is full and stays so: what is on the way is bounded.
  EXPECT_TRUE(SetNonBlocking(command.out.get()).ok());
  const std::string piece(64 << 10, 'x');
  int64_t said = 0;
  int full = 0;
  while (full < 20 && said < (64 << 20)) {
    const ssize_t n = ::write(command.out.get(), piece.data(), piece.size());
    full = n > 0 ? 0 : full + 1;
    if (n > 0) said += n;
    if (n <= 0) absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_LT(said, 64 << 20);
  sink->Answer(Flow::kContinue);
  operation->Resume();
  launcher.SendProcessExited(sandbox_id, 0, 0, false, 5);
  command.CloseAll();
  EXPECT_EQ(sink->Wait(), absl::OkStatus());
  EXPECT_EQ(static_cast<int64_t>(OutputOf(*sink).size()), said);
}

// ---- Files ------------------------------------------------------------------------------------

TEST_F(RemoteLocalTest, AFileIsReadAtItsReadersPace) {
  auto sink = std::make_shared<NotingSink<warren::v1::ReadFileResponse>>();
  sink->Answer(Flow::kPause);
  warren::v1::ReadFileRequest request;
  request.set_path("data");
  auto operation = handle->ReadFile({}, request, sink);
  StartAgent();
  const internal::FileCall call = NextCall(internal::FileCall::kRead);
  EXPECT_EQ(call.read().path(), "/home/user/data");
  internal::AgentEvent entry;
  entry.mutable_entry()->set_stream_id(call.stream_id());
  entry.mutable_entry()->mutable_file()->set_path("/home/user/data");
  agent.Say(entry);
  // Within the credit that an agent has from the start.
  const std::string piece(100 << 10, 'd');
  for (int i = 0; i < 4; ++i) SayData(call.stream_id(), piece);
  EXPECT_TRUE(Eventually([&] { return !sink->events().empty(); }));
  sink->Answer(Flow::kContinue);
  operation->Resume();
  internal::AgentEvent end = Ended(call.stream_id(), StreamEnd::OK);
  end.mutable_end()->set_size(4 * piece.size());
  end.mutable_end()->set_sha256(std::string(32, 's'));
  agent.Say(end);
  EXPECT_EQ(sink->Wait(), absl::OkStatus());
  std::string read;
  for (const auto& event : sink->events()) read += event.data();
  EXPECT_EQ(read.size(), 4 * piece.size());
  EXPECT_EQ(sink->events().front().entry().path(), "/home/user/data");
  EXPECT_EQ(sink->events().back().end().sha256(), std::string(32, 's'));
}

TEST_F(RemoteLocalTest, ADownloadThatIsGivenUpIsCancelledAtItsAgent) {
  auto sink = std::make_shared<NotingSink<warren::v1::ReadFileResponse>>();
  warren::v1::ReadFileRequest request;
  request.set_path("data");
  auto operation = handle->ReadFile({}, request, sink);
  StartAgent();
  const internal::FileCall call = NextCall(internal::FileCall::kRead);
  operation->Cancel();
  EXPECT_EQ(agent.NextRequest().cancel().stream_id(), call.stream_id());
  agent.Say(Ended(call.stream_id(), StreamEnd::CANCELLED));
  EXPECT_TRUE(absl::IsCancelled(sink->Wait()));
}

TEST_F(RemoteLocalTest, AFileIsWrittenAsFastAsItsAgentTakesIt) {
  warren::v1::WriteFileRequest::Header header;
  header.set_path("data");
  Answer<warren::v1::WriteFileResponse> answer;
  std::atomic<int> rooms{0};
  auto upload = handle->WriteFile(
      {}, header, [&] { ++rooms; }, answer.Take());
  StartAgent();
  const internal::FileCall call = NextCall(internal::FileCall::kWrite);
  const std::string piece(256 << 10, 'd');
  int written = 0;
  Flow flow = Flow::kContinue;
  while (flow == Flow::kContinue && written < 200) {
    flow = upload->Write(piece);
    ++written;
  }
  EXPECT_EQ(flow, Flow::kPause) << "the agent has given credit for two of them";
  size_t taken = 0;
  bool last = false;
  bool closed = false;
  while (!last) {
    if (rooms > 0 && !std::exchange(closed, true)) upload->Close();
    const internal::AgentRequest data = agent.NextRequest();
    ASSERT_EQ(data.data().stream_id(), call.stream_id());
    taken += data.data().data().size();
    last = data.data().last();
    if (last) break;
    internal::AgentEvent credit;
    credit.mutable_credit()->set_stream_id(call.stream_id());
    credit.mutable_credit()->set_bytes(static_cast<uint32_t>(data.data().data().size()));
    agent.Say(credit);
    if (taken == written * piece.size()) {
      EXPECT_TRUE(Eventually([&] { return rooms > 0; })) << "it is told that there is room";
    }
  }
  EXPECT_EQ(taken, written * piece.size());
  internal::AgentEvent end = Ended(call.stream_id(), StreamEnd::OK);
  end.mutable_end()->set_size(taken);
  end.mutable_end()->mutable_file()->set_path("/home/user/data");
  agent.Say(end);
  auto response = answer.Wait();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->entry().path(), "/home/user/data");
}

TEST_F(RemoteLocalTest, CallsAndStreamsOfFilesKeepTheirCodes) {
  warren::v1::StatFileRequest stat;
  stat.set_path("gone");
  Answer<warren::v1::FileEntry> answer;
  handle->StatFile({}, stat, answer.Take());
  StartAgent();
  agent.Say(Ended(NextCall(internal::FileCall::kStat).stream_id(), StreamEnd::FAILED, ENOENT));
  EXPECT_TRUE(absl::IsNotFound(answer.Wait().status()));

  auto entries = std::make_shared<NotingSink<warren::v1::FileEntry>>();
  warren::v1::ListDirectoryRequest list;
  list.set_path("/");
  auto listing = handle->ListDirectory({}, list, entries);
  const internal::FileCall call = NextCall(internal::FileCall::kList);
  internal::AgentEvent entry;
  entry.mutable_entry()->set_stream_id(call.stream_id());
  entry.mutable_entry()->mutable_file()->set_path("/\xff");
  agent.Say(entry);
  agent.Say(Ended(call.stream_id(), StreamEnd::FAILED, EACCES));
  EXPECT_TRUE(absl::IsPermissionDenied(entries->Wait()));
  ASSERT_EQ(entries->events().size(), 1u);
  EXPECT_EQ(entries->events()[0].path(), "/\xff") << "bytes, whatever they are";

  auto watched = std::make_shared<NotingSink<warren::v1::FileEvent>>();
  warren::v1::WatchDirectoryRequest watch;
  watch.set_path("/tmp");
  auto watching = handle->WatchDirectory({}, watch, watched);
  const uint64_t stream = NextCall(internal::FileCall::kWatch).stream_id();
  watching->Cancel();
  EXPECT_EQ(agent.NextRequest().cancel().stream_id(), stream);
  agent.Say(Ended(stream, StreamEnd::CANCELLED));
  EXPECT_TRUE(absl::IsCancelled(watched->Wait()));
}

TEST_F(RemoteLocalTest, AConnectionThatBreaksEndsItsStreamsAndNoProcess) {
  auto sink = std::make_shared<ProcessNotes>();
  auto operation = StartProcess(sink);
  command.Say("one");
  EXPECT_TRUE(Eventually([&] { return OutputOf(*sink) == "one"; }));
  door->Close();
  EXPECT_TRUE(absl::IsUnavailable(sink->Wait()));
  // The backend behind it still has it.
  Answer<warren::v1::ListProcessesResponse> list;
  Open(sandbox_id)->ListProcesses(Call(), list.Take());
  ASSERT_EQ(list.Wait()->processes_size(), 1);
  EXPECT_FALSE(list.Wait()->processes(0).has_termination());
}

}  // namespace
}  // namespace warren
