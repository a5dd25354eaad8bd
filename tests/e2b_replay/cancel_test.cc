// Clients that give up amid things, and a backend that goes: nothing stays behind in the cloud, and
// nothing is told after the end.

#include <atomic>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

class ReplayCancelTest : public ReplayTest {
 protected:
  // What came of one call that answers once.
  template <class T>
  struct Answer {
    std::shared_ptr<std::atomic<int>> times = std::make_shared<std::atomic<int>>(0);
    std::shared_ptr<absl::StatusOr<T>> what =
        std::make_shared<absl::StatusOr<T>>(absl::UnknownError("nothing"));

    Reply<T> reply() {
      return [times = times, what = what](absl::StatusOr<T> answer) {
        *what = std::move(answer);
        ++*times;
      };
    }
    absl::Status Wait() const {
      EXPECT_TRUE(Eventually([&] { return *times > 0; }));
      return what->status();
    }
  };

  // What this path is asked waits for the gate, and is then answered.
  void Hold(const char* method, const std::string& path, ScriptedAnswer answer) {
    server().On(method, path, [this, answer = std::move(answer)](ScriptedExchange& exchange) {
      exchange.ReadBody();
      if (exchange.WaitFor(gate_)) exchange.Answer(answer);
    });
  }
  // A stream at this path that says so much and then nothing, until the other side has gone.
  void Stall(const char* path, std::string said) {
    server().On("POST", path, [this, said = std::move(said)](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(said);
      exchange.Hang();
      ++gone_;
    });
  }
  bool IsAsked(const char* method, const std::string& path, size_t times = 1) {
    return Eventually([&] { return cloud_.Asked(method, path) == times; });
  }

  Gate gate_;
  std::atomic<int> gone_{0};
};

TEST_F(ReplayCancelTest, CreateIsCancelled) {
  Hold("POST", ReplayCloud::kCreates, {201, kMade});
  Answer<v1::Sandbox> answer;
  const auto operation = backend().Create({}, {}, answer.reply());
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kCreates));
  operation->Cancel();
  ExpectError(answer.Wait(), kCancelled);
  EXPECT_EQ(cloud_.Removed(), 0u);
  gate_.Open();
  // The cloud has made it all the same.
  EXPECT_TRUE(IsAsked("DELETE", ReplayCloud::OfSandbox()));
  Pass();
  EXPECT_EQ(*answer.times, 1);
  EXPECT_EQ(cloud_.Removed(), 1u);
}

TEST_F(ReplayCancelTest, CreateThatFailsIsCancelled) {
  Hold("POST", ReplayCloud::kCreates, {503, kBusy});
  Answer<v1::Sandbox> answer;
  const auto operation = backend().Create({}, {}, answer.reply());
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kCreates));
  operation->Cancel();
  operation->Cancel();
  ExpectError(answer.Wait(), kCancelled);
  gate_.Open();
  Pass();
  EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kCreates), 1u);
  EXPECT_EQ(cloud_.Removed(), 0u);
  EXPECT_EQ(*answer.times, 1);
}

TEST_F(ReplayCancelTest, CreateIsCancelledBetweenAttempts) {
  std::atomic<int> creates{0};
  Gate second;
  server().On("POST", ReplayCloud::kCreates, [&](ScriptedExchange& exchange) {
    exchange.ReadBody();
    if (++creates == 1) {
      exchange.Answer({503, kBusy});
    } else if (exchange.WaitFor(second)) {
      exchange.Answer({201, kMade});
    }
  });
  Answer<v1::Sandbox> answer;
  const auto operation = backend().Create({}, {}, answer.reply());
  ASSERT_TRUE(Eventually([&] { return creates == 1; }));
  operation->Cancel();
  ExpectError(answer.Wait(), kCancelled);
  second.Open();
  // Whether it was asked for again hangs on when it was cancelled; what was made is removed.
  Pass();
  EXPECT_TRUE(Eventually([&] { return cloud_.Removed() + 1 == static_cast<size_t>(creates); }));
  EXPECT_EQ(*answer.times, 1);
}

TEST_F(ReplayCancelTest, CellIsCancelled) {
  const auto sandbox = NewSandbox();
  Stall(ReplayCloud::kCells, kHello);
  const Cell cell = Begin(*sandbox);
  ASSERT_TRUE(cell.sink->WaitForEvents(2));
  cell.operation->Cancel();
  ASSERT_TRUE(cell.sink->WaitForEnd());
  EXPECT_EQ(cell.sink->kind(), v1::Termination::CANCELLED);
  // By that the cloud interrupts what runs.
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
  cell.operation->Cancel();
  Pass();
  EXPECT_EQ(cell.sink->ends(), 1);
  EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kCells), 1u);
}

TEST_F(ReplayCancelTest, CellIsCancelledBeforeItsAnswer) {
  const auto sandbox = NewSandbox();
  server().On("POST", ReplayCloud::kCells, [this](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.Hang();
    ++gone_;
  });
  const Cell cell = Begin(*sandbox);
  const Cell next = Begin(*sandbox);
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kCells));
  next.operation->Cancel();
  ASSERT_TRUE(next.sink->WaitForEnd());
  ExpectError(next.sink->status(), kCancelled, "before it ran");
  cell.operation->Cancel();
  ASSERT_TRUE(cell.sink->WaitForEnd());
  ExpectError(cell.sink->status(), kCancelled);
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
  EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kCells), 1u);
}

TEST_F(ReplayCancelTest, ProcessIsKilled) {
  const auto sandbox = NewSandbox();
  Gate killed;
  cloud_.OnProcess(
      {absl::StrCat(Frame(kStartEvent), Frame(kDataEvent)),
       Frame(R"({"event":{"end":{"exitCode":-1,"status":"signal: killed"}}})"), EndFrame()},
      &killed);
  server().On("POST", ReplayCloud::kSignals, [&](ScriptedExchange& exchange) {
    exchange.Answer({200, "{}"});
    killed.Open();
  });
  const Process process = Start(*sandbox, v1::ON_DISCONNECT_CANCEL);
  ASSERT_TRUE(Eventually([&] { return process.sink->events().size() == 2; }));
  process.operation->Cancel();
  EXPECT_TRUE(process.sink->Wait().ok());
  const auto events = process.sink->events();
  EXPECT_EQ(events.back().exited().termination().kind(), v1::Termination::CANCELLED);
  const auto signals = server().requests(ReplayCloud::kSignals);
  ASSERT_GE(signals.size(), 1u);
  const auto told = nlohmann::json::parse(signals[0].body, nullptr, false);
  EXPECT_EQ(told["process"]["pid"], 417) << signals[0].body;
  EXPECT_EQ(told["signal"], "SIGNAL_SIGKILL");
}

// Its pid is not known yet when its client goes.
TEST_F(ReplayCancelTest, ProcessIsKilledAsSoonAsItRuns) {
  const auto sandbox = NewSandbox();
  Gate cancelled;
  server().On("POST", ReplayCloud::kStarts, [&](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    if (!exchange.WaitFor(cancelled)) return;
    exchange.SendChunk(Frame(kStartEvent));
    exchange.Hang();
  });
  const Process process = Start(*sandbox, v1::ON_DISCONNECT_CANCEL);
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kStarts));
  process.operation->Cancel();
  Pass();
  EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kSignals), 0u);
  cancelled.Open();
  EXPECT_TRUE(Eventually([&] { return cloud_.Asked("POST", ReplayCloud::kSignals) > 0; }));
}

TEST_F(ReplayCancelTest, ProcessGoesOnWithoutItsClient) {
  const auto sandbox = NewSandbox();
  Stall(ReplayCloud::kStarts, Frame(kStartEvent));
  const Process process = Start(*sandbox, v1::ON_DISCONNECT_CONTINUE);
  ASSERT_TRUE(Eventually([&] { return process.sink->events().size() == 1; }));
  process.operation->Cancel();
  ExpectError(process.sink->Wait(), kCancelled, "goes on");
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
  EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kSignals), 0u);
}

TEST_F(ReplayCancelTest, UploadIsCancelled) {
  const auto sandbox = NewSandbox();
  server().On("POST", ReplayCloud::kFiles, [this](ScriptedExchange& exchange) {
    while (!exchange.ReadSome().empty()) {
    }
    // Only a file whose end has come is one.
    if (!exchange.request().is_whole) ++gone_;
  });
  Answer<v1::WriteFileResponse> answer;
  v1::WriteFileRequest::Header header;
  header.set_path("/home/user/a.txt");
  const auto upload = sandbox->WriteFile(
      {}, header, [] {}, answer.reply());
  upload->Write("half of it");
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kFiles));
  upload->Cancel();
  ExpectError(answer.Wait(), kCancelled);
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
  upload->Write("the rest");
  upload->Close();
  Pass();
  EXPECT_EQ(*answer.times, 1);
}

TEST_F(ReplayCancelTest, DownloadIsCancelled) {
  const auto sandbox = NewSandbox();
  server().On("GET", ReplayCloud::kFiles, [this](ScriptedExchange& exchange) {
    exchange.StartChunks({});
    exchange.SendChunk("hel");
    exchange.Hang();
    ++gone_;
  });
  v1::ReadFileRequest request;
  request.set_path("/home/user/a.txt");
  auto sink = std::make_shared<NotingSink<v1::ReadFileResponse>>();
  const auto operation = sandbox->ReadFile({}, request, sink);
  ASSERT_TRUE(Eventually([&] { return sink->events().size() == 2; }));
  operation->Cancel();
  ExpectError(sink->Wait(), kCancelled);
  EXPECT_TRUE(Eventually([&] { return gone_ == 1; }));
  operation->Cancel();
  Pass();
  EXPECT_EQ(sink->events().size(), 2u);
}

// All of it ends once, and says why.
TEST_F(ReplayCancelTest, BackendGoesAmidAll) {
  const auto sandbox = NewSandbox();
  Hold("POST", ReplayCloud::kCreates, {201, kMade});
  Stall(ReplayCloud::kCells, kHello);
  Stall(ReplayCloud::kStarts, Frame(kStartEvent));
  Answer<v1::Sandbox> create;
  const auto creating = backend().Create({}, {}, create.reply());
  const Cell cell = Begin(*sandbox);
  const Cell waiting = Begin(*sandbox);
  const Process process = Start(*sandbox);
  Answer<v1::WriteFileResponse> upload;
  v1::WriteFileRequest::Header header;
  header.set_path("/home/user/a.txt");
  const auto writing = sandbox->WriteFile(
      {}, header, [] {}, upload.reply());
  ASSERT_TRUE(cell.sink->WaitForEvents(2));
  ASSERT_TRUE(Eventually([&] { return process.sink->events().size() == 1; }));
  ASSERT_TRUE(IsAsked("POST", ReplayCloud::kCreates, 2));
  backend_ = nullptr;
  EXPECT_EQ(*create.times, 1);
  ExpectError(create.what->status(), kUnavailable, "shut down");
  for (const auto& sink : {cell.sink, waiting.sink}) {
    ASSERT_TRUE(sink->WaitForEnd());
    EXPECT_EQ(sink->ends(), 1);
    ExpectError(sink->status(), kUnavailable, "shut down");
  }
  ExpectError(process.sink->Wait(), kUnavailable);
  ExpectError(upload.Wait(), kUnavailable);
  EXPECT_EQ(*upload.times, 1);
  // What is asked of it now is answered too.
  creating->Cancel();
  cell.operation->Cancel();
  writing->Cancel();
  ExpectError(Run(*sandbox)->status(), kUnavailable);
  ExpectError(Start(*sandbox).sink->Wait(), kUnavailable);
  auto read = std::make_shared<NotingSink<v1::ReadFileResponse>>();
  v1::ReadFileRequest file;
  file.set_path("/home/user/a.txt");
  const auto reading = sandbox->ReadFile({}, file, read);
  ExpectError(read->Wait(), kUnavailable);
  v1::RunScriptRequest script;
  script.set_source("true");
  auto ran = std::make_shared<CollectingSink>();
  const auto running = sandbox->RunScript({}, script, ran);
  ASSERT_TRUE(ran->WaitForEnd());
  ExpectError(ran->status(), kUnavailable);
  ExpectError(Ask<v1::Sandbox>([&](auto reply) { sandbox->Get({}, std::move(reply)); }).status(),
              kUnavailable);
  EXPECT_EQ(*create.times, 1);
}

}  // namespace
}  // namespace warren::testing
