// What goes wrong at a sandbox's envd: its streams of frames, and its files.

#include "absl/strings/str_cat.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

constexpr char kMayGoOn[] = "process p417 may go on: connect to it again";
constexpr char kNotAgain[] = "whether the process was started is not known, and it was not started";

class ProcessFaultsTest : public ReplayTest {
 protected:
  size_t Starts() { return cloud_.Asked("POST", ReplayCloud::kStarts); }
  // A process whose stream is these bytes; the connection ends behind them.
  void CutAfter(std::string said) {
    server().On("POST", ReplayCloud::kStarts, [said](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(said);
    });
  }
  void ExpectFails(absl::StatusCode code, absl::string_view words) {
    const auto sandbox = NewSandbox();
    const size_t before = Starts();
    const Process process = Start(*sandbox);
    ExpectError(process.sink->Wait(), code, words);
    EXPECT_EQ(Starts() - before, 1u);
  }
  static std::string OutputOf(const ProcessNotes& notes) {
    std::string output;
    for (const v1::ProcessEvent& each : notes.events()) output += each.output().data();
    return output;
  }

  struct Download {
    std::shared_ptr<NotingSink<v1::ReadFileResponse>> sink;
    std::unique_ptr<Operation> operation;
  };
  static Download Read(SandboxHandle& sandbox) {
    v1::ReadFileRequest request;
    request.set_path("/home/user/a.txt");
    Download download;
    download.sink = std::make_shared<NotingSink<v1::ReadFileResponse>>();
    download.operation = sandbox.ReadFile({}, request, download.sink);
    return download;
  }
  static absl::StatusOr<v1::WriteFileResponse> Write(SandboxHandle& sandbox) {
    v1::WriteFileRequest::Header header;
    header.set_path("/home/user/a.txt");
    std::unique_ptr<Upload> upload;
    return Ask<v1::WriteFileResponse>([&](auto reply) {
      upload = sandbox.WriteFile(
          {}, header, [] {}, std::move(reply));
      upload->Write("hello\n");
      upload->Close();
    });
  }
};

TEST_F(ProcessFaultsTest, NoFault) {
  const auto sandbox = NewSandbox();
  const Process process = Start(*sandbox);
  EXPECT_TRUE(process.sink->Wait().ok());
  EXPECT_EQ(OutputOf(*process.sink), "hello\n");
  const auto events = process.sink->events();
  EXPECT_EQ(events.back().exited().termination().kind(), v1::Termination::EXITED);
  const ScriptedRequest start = server().requests(ReplayCloud::kStarts).at(0);
  EXPECT_EQ(start.header("x-access-token"), kReplayEnvdToken);
  EXPECT_EQ(start.header("x-api-key"), "");
}

TEST_F(ProcessFaultsTest, ByteByByte) {
  std::vector<std::string> bytes;
  for (const char c : absl::StrCat(Frame(kStartEvent), Frame(kKeepaliveEvent), Frame(kDataEvent),
                                   Frame(kExitEvent), EndFrame()))
    bytes.emplace_back(1, c);
  cloud_.OnProcess(std::move(bytes));
  const auto sandbox = NewSandbox();
  const Process process = Start(*sandbox);
  EXPECT_TRUE(process.sink->Wait().ok());
  EXPECT_EQ(OutputOf(*process.sink), "hello\n");
}

TEST_F(ProcessFaultsTest, StreamIsCutWithinAFrame) {
  CutAfter(absl::StrCat(Frame(kStartEvent), Frame(kDataEvent), Frame(kExitEvent).substr(0, 20)));
  ExpectFails(kUnavailable, kMayGoOn);
  CutAfter(absl::StrCat(Frame(kStartEvent), std::string("\0\0", 2)));
  ExpectFails(kUnavailable, kMayGoOn);
}

TEST_F(ProcessFaultsTest, StreamIsCutBeforeTheStart) {
  CutAfter(Frame(kStartEvent).substr(0, 7));
  ExpectFails(kUnavailable, kNotAgain);
}

TEST_F(ProcessFaultsTest, EndsWithoutTheEnd) {
  cloud_.OnProcess({Frame(kStartEvent), Frame(kDataEvent)});
  ExpectFails(kUnavailable, kMayGoOn);
  cloud_.OnProcess({Frame(kStartEvent), EndFrame()});
  ExpectFails(kUnavailable, kMayGoOn);
  cloud_.OnProcess({EndFrame()});
  ExpectFails(kInternal, "did not tell that the process runs");
  cloud_.OnProcess({""});
  ExpectFails(kUnavailable, kNotAgain);
}

// None of it is held.
TEST_F(ProcessFaultsTest, FrameOfFourGibibytes) {
  const std::string head("\0\xff\xff\xff\xff", 5);
  cloud_.OnProcess({head + "{\"event\":"});
  ExpectFails(kInternal, "4294967295 bytes; at most");
  cloud_.OnProcess({Frame(kStartEvent), head + "{\"event\":"});
  ExpectFails(kUnavailable, kMayGoOn);
}

TEST_F(ProcessFaultsTest, FramesThatAreNone) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  for (const std::string& bytes :
       {std::string("<html>Bad Gateway</html>"), Frame("{"), Frame("[]"), Frame("garbage"),
        Frame(deep), Frame(absl::StrCat("{\"a\":", deep, "}")), Frame(kStartEvent, 1),
        Frame(kStartEvent, '\x80'), EndFrame("garbage"),
        Frame(R"({"event":{"start":{"pid":"many"}}})"),
        Frame(R"({"event":{"data":{"stdout":"!!"}}})")}) {
    SCOPED_TRACE(bytes.substr(0, 40));
    cloud_.OnProcess({bytes, EndFrame()});
    ExpectFails(kInternal, "");
    cloud_.OnProcess({Frame(kStartEvent), bytes, EndFrame()});
    ExpectFails(kUnavailable, "");
  }
}

TEST_F(ProcessFaultsTest, BehindTheEnd) {
  cloud_.OnProcess({absl::StrCat(Frame(kStartEvent), Frame(kDataEvent), Frame(kExitEvent),
                                 EndFrame(), "garbage")});
  const auto sandbox = NewSandbox();
  const Process process = Start(*sandbox);
  EXPECT_TRUE(process.sink->Wait().ok());
  EXPECT_EQ(OutputOf(*process.sink), "hello\n");
}

TEST_F(ProcessFaultsTest, Refusals) {
  cloud_.OnProcess({EndFrame(R"({"error":{"code":"not_found","message":"no such program"}})")});
  ExpectFails(kNotFound, "no such program");
  cloud_.OnProcess({EndFrame(R"({"error":{"code":"unauthenticated","message":"token?"}})")});
  ExpectFails(kUnavailable, "try again later");
  server().Answer("POST", ReplayCloud::kStarts, {429, kTooMany, {{"Retry-After", "0"}}});
  ExpectFails(kExhausted, "try again later");
  server().Answer("POST", ReplayCloud::kStarts, {500, "Internal Server Error"});
  ExpectFails(kUnavailable, kNotAgain);
  server().Answer("POST", ReplayCloud::kStarts, {204});
  ExpectFails(kInternal, "no stream");
}

TEST_F(ProcessFaultsTest, BreaksBeforeTheAnswer) {
  server().On("POST", ReplayCloud::kStarts, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.connection().Break();
  });
  ExpectFails(kUnavailable, kNotAgain);
}

TEST_F(ProcessFaultsTest, SandboxEnds) {
  const auto sandbox = NewSandbox();
  CutAfter(Frame(kStartEvent));
  cloud_.LoseSandbox();
  const Process ran = Start(*sandbox);
  EXPECT_TRUE(ran.sink->Wait().ok());
  const auto events = ran.sink->events();
  EXPECT_EQ(events.back().exited().termination().kind(), v1::Termination::KILLED);
  server().Answer("POST", ReplayCloud::kStarts, {502, kGone});
  ExpectError(Start(*sandbox).sink->Wait(), kNotFound, "no such sandbox");
}

TEST_F(ProcessFaultsTest, Files) {
  const auto sandbox = NewSandbox();
  const Download read = Read(*sandbox);
  EXPECT_TRUE(read.sink->Wait().ok());
  const auto events = read.sink->events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].data(), "hello\n");
  const auto written = Write(*sandbox);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ(written->size_bytes(), 6);
}

TEST_F(ProcessFaultsTest, DownloadsThatFail) {
  const auto sandbox = NewSandbox();
  const auto expect = [&](const ScriptedAnswer& answer, absl::StatusCode code) {
    SCOPED_TRACE(absl::StrCat(answer.status, answer.body));
    server().Answer("GET", ReplayCloud::kFiles, answer);
    ExpectError(Read(*sandbox).sink->Wait(), code);
  };
  expect({200, "hello\n", {}, 3}, kUnavailable);
  expect({200, "hel"}, absl::StatusCode::kAborted);
  expect({404, R"({"code":404,"message":"path '/home/user/a.txt' does not exist"})"}, kNotFound);
  expect({500, ""}, kUnavailable);
  expect({416, ""}, absl::StatusCode::kOutOfRange);
  server().Answer("POST", "/filesystem.Filesystem/Stat", {200, "{"});
  ExpectError(Read(*sandbox).sink->Wait(), kInternal);
  server().Answer("POST", "/filesystem.Filesystem/Stat", {200, "{}"});
  ExpectError(Read(*sandbox).sink->Wait(), kInternal);
}

TEST_F(ProcessFaultsTest, UploadsThatFail) {
  const auto sandbox = NewSandbox();
  const auto expect = [&](const ScriptedAnswer& answer, absl::StatusCode code) {
    SCOPED_TRACE(absl::StrCat(answer.status, answer.body));
    server().Answer("POST", ReplayCloud::kFiles, answer);
    const size_t before = cloud_.Asked("POST", ReplayCloud::kFiles);
    ExpectError(Write(*sandbox).status(), code);
    EXPECT_EQ(cloud_.Asked("POST", ReplayCloud::kFiles) - before, 1u);
  };
  expect({507, R"({"code":507,"message":"not enough disk space available"})"}, kExhausted);
  expect({400, R"({"code":400,"message":"no such user"})"}, absl::StatusCode::kInvalidArgument);
  expect({503, ""}, kUnavailable);
  server().On("POST", ReplayCloud::kFiles, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.connection().Break();
  });
  ExpectError(Write(*sandbox).status(), kUnavailable, "broke");
}

}  // namespace
}  // namespace warren::testing
