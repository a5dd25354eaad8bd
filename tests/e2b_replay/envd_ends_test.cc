// Whatever a sandbox's envd leaves out, or says without end: a call has its end, and nothing runs
// twice.

#include <atomic>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

constexpr char kConnects[] = "/process.Process/Connect";
constexpr char kInputs[] = "/process.Process/SendInput";
constexpr char kRemoves[] = "/filesystem.Filesystem/Remove";
constexpr char kLists[] = "/filesystem.Filesystem/ListDir";
constexpr char kTwoFiles[] = R"({"entries":[
    {"name":"a","type":"FILE_TYPE_FILE","path":"/home/user/a","size":"1"},
    {"name":"b","type":"FILE_TYPE_FILE","path":"/home/user/b","size":"1"}]})";

class EnvdEndsTest : public ReplayTest {
 protected:
  EnvdEndsTest() { server().Answer("POST", kRemoves, {200, "{}"}); }

  // Of a host that is so fast that what takes minutes takes seconds. That this one is not may be
  // too slow for a create.
  std::shared_ptr<SandboxHandle> FastSandbox(double pace = 0.05) {
    CloudOptions options = Options(cloud_.url());
    options.pace = pace;
    Make(std::move(options));
    std::shared_ptr<SandboxHandle> sandbox;
    EXPECT_TRUE(Eventually([&] {
      auto opened = Create().ok() ? Open() : absl::UnavailableError("not made");
      if (opened.ok()) sandbox = *std::move(opened);
      return sandbox != nullptr;
    }));
    return sandbox;
  }
  struct Script {
    std::shared_ptr<CollectingSink> sink = std::make_shared<CollectingSink>();
    std::unique_ptr<Operation> operation;
  };
  static Script BeginScript(SandboxHandle& sandbox, const std::string& request_id = "") {
    v1::RunScriptRequest request;
    request.set_source("true");
    request.set_language("bash");
    request.set_request_id(request_id);
    Script script;
    script.operation = sandbox.RunScript({}, std::move(request), script.sink);
    return script;
  }
  static absl::Status RunOnce(SandboxHandle& sandbox) {
    const Script script = BeginScript(sandbox, "once");
    EXPECT_TRUE(script.sink->WaitForEnd());
    return script.sink->status();
  }
  // A stream of this start that says so much and ends with its connection.
  void CutStartAfter(std::string said) {
    server().On("POST", ReplayCloud::kStarts, [said](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(said);
    });
  }
  // And one that is held until the other side has gone.
  void HoldStartAfter(std::string said) {
    server().On("POST", ReplayCloud::kStarts, [said](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(said);
      exchange.Hang();
    });
  }
  size_t Starts() { return cloud_.Asked("POST", ReplayCloud::kStarts); }
};

TEST_F(EnvdEndsTest, ScriptThatBreaksIsNotRunAgain) {
  const auto sandbox = NewSandbox();
  CutStartAfter(Frame(kStartEvent));
  ExpectError(RunOnce(*sandbox), kUnavailable, "it was not run again");
  ExpectError(RunOnce(*sandbox), kUnavailable, "it was not run again");
  EXPECT_EQ(Starts(), 1u);
  // It may be running.
  EXPECT_EQ(cloud_.Asked("POST", kRemoves), 0u);
}

TEST_F(EnvdEndsTest, ScriptThatMayHaveBegunIsNotRunAgain) {
  const auto sandbox = NewSandbox();
  CutStartAfter(Frame(kKeepaliveEvent));
  ExpectError(RunOnce(*sandbox), kUnavailable, "whether the script ran is not known");
  ExpectError(RunOnce(*sandbox), kUnavailable, "whether the script ran is not known");
  EXPECT_EQ(Starts(), 1u);
  EXPECT_EQ(cloud_.Asked("POST", kRemoves), 0u);
}

TEST_F(EnvdEndsTest, ScriptThatWasRefusedIsRunWhenAskedAgain) {
  const auto sandbox = NewSandbox();
  server().Answer("POST", ReplayCloud::kStarts,
                  {400, R"({"code":"invalid_argument","message":"no such user"})"});
  EXPECT_FALSE(RunOnce(*sandbox).ok());
  EXPECT_EQ(cloud_.Asked("POST", kRemoves), 1u);
  cloud_.OnProcess({Frame(kStartEvent), Frame(kExitEvent), EndFrame()});
  EXPECT_TRUE(RunOnce(*sandbox).ok());
  EXPECT_EQ(Starts(), 2u);
}

// Its client goes before it is told to run: who asks for the same again is connected to it.
TEST_F(EnvdEndsTest, StartThatIsLeftIsHeardToItsStart) {
  for (const bool detach : {false, true}) {
    SCOPED_TRACE(detach);
    const auto sandbox = NewSandbox();
    Gate runs;
    server().On("POST", ReplayCloud::kStarts, [&](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      if (!exchange.WaitFor(runs)) return;
      exchange.SendChunk(Frame(kStartEvent));
      exchange.Hang();
    });
    server().On("POST", kConnects, [](ScriptedExchange& exchange) {
      exchange.ReadBody();
      exchange.StartChunks({});
      exchange.SendChunk(absl::StrCat(Frame(kStartEvent), Frame(kExitEvent), EndFrame()));
      exchange.EndChunks();
    });
    const auto start = [&] {
      v1::StartProcessRequest request;
      request.add_arguments("/bin/cat");
      request.set_request_id(absl::StrCat("once", detach));
      Process process;
      process.sink = std::make_shared<ProcessNotes>();
      process.operation = sandbox->StartProcess({}, std::move(request), process.sink);
      return process;
    };
    const size_t before = Starts();
    const Process left = start();
    ASSERT_TRUE(Eventually([&] { return Starts() == before + 1; }));
    if (detach) {
      EXPECT_TRUE(left.operation->Detach().ok());
    } else {
      left.operation->Cancel();
      ExpectError(left.sink->Wait(), kCancelled, "goes on");
    }
    const Process next = start();
    Pass();
    EXPECT_TRUE(next.sink->events().empty());
    runs.Open();
    EXPECT_TRUE(next.sink->Wait().ok());
    EXPECT_EQ(next.sink->events().front().started().process_id(), "p417");
    EXPECT_EQ(Starts(), before + 1);
  }
}

TEST_F(EnvdEndsTest, StartThatIsLeftAndNeverToldIsLost) {
  const auto sandbox = FastSandbox();
  HoldStartAfter(Frame(kKeepaliveEvent));
  const auto start = [&] {
    v1::StartProcessRequest request;
    request.add_arguments("/bin/cat");
    request.set_request_id("once");
    Process process;
    process.sink = std::make_shared<ProcessNotes>();
    process.operation = sandbox->StartProcess({}, std::move(request), process.sink);
    return process;
  };
  const Process left = start();
  ASSERT_TRUE(Eventually([&] { return Starts() == 1; }));
  left.operation->Cancel();
  ExpectError(left.sink->Wait(), kCancelled);
  ExpectError(start().sink->Wait(), kUnavailable, "did not tell in time");
  EXPECT_EQ(Starts(), 1u);
}

TEST_F(EnvdEndsTest, KillIsSentUntilItIsHeard) {
  const auto sandbox = FastSandbox();
  Gate killed;
  cloud_.OnProcess(
      {Frame(kStartEvent), Frame(R"({"event":{"end":{"exitCode":-1,"status":"signal: killed"}}})"),
       EndFrame()},
      &killed);
  std::atomic<int> signals{0};
  server().On("POST", ReplayCloud::kSignals, [&](ScriptedExchange& exchange) {
    // A failure, an answer that nothing follows, and then one that it does.
    const int number = ++signals;
    exchange.Answer(number == 1 ? ScriptedAnswer{400, "{}"} : ScriptedAnswer{200, "{}"});
    if (number == 3) killed.Open();
  });
  const Process process = Start(*sandbox, v1::ON_DISCONNECT_CANCEL);
  ASSERT_TRUE(Eventually([&] { return process.sink->events().size() == 1; }));
  process.operation->Cancel();
  EXPECT_TRUE(process.sink->Wait().ok());
  EXPECT_EQ(process.sink->events().back().exited().termination().kind(),
            v1::Termination::CANCELLED);
  EXPECT_GE(signals, 3);
}

// One that keeps its connection by a word now and then.
TEST_F(EnvdEndsTest, CommandWithoutAnEndIsGivenUp) {
  const auto sandbox = FastSandbox();
  server().On("POST", ReplayCloud::kStarts, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    while (exchange.SendChunk(Frame(kKeepaliveEvent)))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  v1::SignalProcessRequest request;
  request.set_process_id("p417");
  request.set_signal(10);
  const auto sent = Ask<v1::SignalProcessResponse>(
      [&](auto reply) { sandbox->SignalProcess({}, request, std::move(reply)); });
  EXPECT_FALSE(sent.ok());
}

TEST_F(EnvdEndsTest, UploadThatIsNotAnsweredIsGivenUp) {
  const auto sandbox = FastSandbox(0.01);
  server().On("POST", ReplayCloud::kFiles, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.StartChunks({});
    while (exchange.SendChunk(" ")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  v1::WriteFileRequest::Header header;
  header.set_path("/home/user/a.txt");
  std::unique_ptr<Upload> upload;
  const auto written = Ask<v1::WriteFileResponse>([&](auto reply) {
    upload = sandbox->WriteFile(
        {}, header, [] {}, std::move(reply));
    upload->Write("hello\n");
    upload->Close();
  });
  EXPECT_FALSE(written.ok());
}

TEST_F(EnvdEndsTest, DownloadWithoutAnEndHasOne) {
  const auto sandbox = NewSandbox();
  server().On("GET", ReplayCloud::kFiles, [](ScriptedExchange& exchange) {
    exchange.StartChunks({200, "", {{"Content-Type", "text/plain"}}});
    while (exchange.SendChunk("hello\n")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  v1::ReadFileRequest request;
  request.set_path("/home/user/a.txt");
  auto sink = std::make_shared<NotingSink<v1::ReadFileResponse>>();
  const auto operation = sandbox->ReadFile({}, request, sink);
  EXPECT_TRUE(sink->Wait().ok());
  ASSERT_EQ(sink->events().size(), 3u);
  EXPECT_EQ(sink->events()[1].data(), "hello\n");
}

TEST_F(EnvdEndsTest, WritesThatWaitAreBoundedAndEndWithTheBackend) {
  const auto sandbox = NewSandbox();
  server().On("POST", kInputs, [](ScriptedExchange& exchange) {
    exchange.ReadBody();
    exchange.Hang();
  });
  constexpr int kWrites = 5000;
  auto refused = std::make_shared<std::atomic<int>>(0);
  auto gone = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < kWrites; ++i) {
    v1::WriteProcessInputRequest request;
    request.set_process_id("p417");
    sandbox->WriteInput({}, std::move(request),
                        [=](const absl::StatusOr<v1::WriteProcessInputResponse>& written) {
                          if (absl::IsResourceExhausted(written.status())) ++*refused;
                          if (absl::IsUnavailable(written.status())) ++*gone;
                        });
  }
  Pass();
  EXPECT_GT(*refused, 0);
  EXPECT_EQ(*gone, 0);
  backend_ = nullptr;
  EXPECT_EQ(*refused + *gone, kWrites);
}

TEST_F(EnvdEndsTest, BackendGoesAmidCommands) {
  CloudOptions options = Options(cloud_.url());
  options.package_policy.set_name("all");
  options.package_policy.add_allow()->set_requirement("*");
  Make(std::move(options));
  const auto sandbox = NewSandbox();
  HoldStartAfter(Frame(kStartEvent));
  server().Answer("POST", kLists, {200, kTwoFiles});
  v1::InstallPackageRequest install;
  install.mutable_what()->add_requirements("six");
  auto installed = std::make_shared<NotingSink<v1::InstallPackageEvent>>();
  const auto installing = sandbox->Install({}, install, installed);
  const Script script = BeginScript(*sandbox);
  v1::ListDirectoryRequest list;
  list.set_path("/home/user");
  auto listed = std::make_shared<NotingSink<v1::FileEntry>>();
  listed->Answer(Flow::kPause);
  const auto listing = sandbox->ListDirectory({}, list, listed);
  EXPECT_FALSE(installed->ended());
  ASSERT_TRUE(Eventually([&] { return Starts() == 2 && listed->events().size() == 1; }));
  ASSERT_TRUE(script.sink->WaitForEvents(1));
  Pass();
  EXPECT_FALSE(installed->ended());
  EXPECT_FALSE(listed->ended());
  backend_ = nullptr;
  ExpectError(installed->Wait(), kUnavailable, "shut down");
  ExpectError(listed->Wait(), kUnavailable, "shut down");
  ASSERT_TRUE(script.sink->WaitForEnd());
  ExpectError(script.sink->status(), kUnavailable);
  // What is asked of it now is answered too.
  listing->Resume();
  installing->Cancel();
  auto late = std::make_shared<NotingSink<v1::InstallPackageEvent>>();
  const auto none = sandbox->Install({}, install, late);
  ExpectError(late->Wait(), kUnavailable, "shut down");
}

}  // namespace
}  // namespace warren::testing
