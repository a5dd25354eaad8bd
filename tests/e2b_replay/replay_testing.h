#ifndef WARREN_TESTS_E2B_REPLAY_REPLAY_TESTING_H_
#define WARREN_TESTS_E2B_REPLAY_REPLAY_TESTING_H_

#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "supervisor/e2b/e2b_backend.h"
#include "tests/e2b_replay/replay.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/supervisor/sink.h"
#include "tests/support/patience.h"

namespace warren::testing {

// What the default logger says while this is there.
class ReplayLog {
 public:
  ReplayLog() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "replay", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
    spdlog::default_logger()->set_level(spdlog::level::trace);
  }
  ~ReplayLog() { spdlog::set_default_logger(before_); }
  // When nothing is logged any more.
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

// The backend against a cloud of the test's own. Whatever is told to clients or to the log holds
// neither a key nor a token: every test ends with a look at it.
class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    // Of whoever runs the tests.
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
      ::unsetenv(name);
  }
  ~ReplayTest() override {
    backend_ = nullptr;
    const std::string logged = log_.text();
    for (const char* secret : {kReplayKey, kReplayEnvdToken, kReplayTrafficToken})
      EXPECT_FALSE(absl::StrContains(logged, secret)) << logged;
  }

  CloudOptions Options(const std::string& url) {
    CloudOptions options;
    options.key = kReplayKey;
    options.api_url = url;
    options.sandbox_url = url;
    options.templates = {{"base", "rki5dems9wqfm4r03t7g"}};
    options.default_template = "base";
    return options;
  }
  void Make(CloudOptions options) {
    auto made = E2bBackend::Make(std::move(options), config::Budget());
    ASSERT_TRUE(made.ok()) << made.status();
    backend_ = *std::move(made);
  }
  // The one of the plain cloud where no other was made.
  E2bBackend& backend() {
    if (backend_ == nullptr) Make(Options(cloud_.url()));
    return *backend_;
  }
  // What the log says once the backend is gone.
  std::string LogAtTheEnd() {
    backend_ = nullptr;
    return log_.text();
  }
  ScriptedServer& server() { return cloud_.server(); }

  absl::StatusOr<v1::Sandbox> Create() {
    return Ask<v1::Sandbox>([&](auto reply) { backend().Create({}, {}, std::move(reply)); });
  }
  absl::StatusOr<std::shared_ptr<SandboxHandle>> Open(const std::string& id = kReplaySandbox) {
    return Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { backend().Open({}, id, std::move(reply)); });
  }
  std::shared_ptr<SandboxHandle> NewSandbox() {
    auto made = Create();
    EXPECT_TRUE(made.ok()) << made.status();
    auto opened = Open();
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  struct Cell {
    std::shared_ptr<CollectingSink> sink;
    std::unique_ptr<Operation> operation;
  };
  static Cell Begin(SandboxHandle& sandbox, const std::string& context_id = "",
                    absl::Duration timeout = absl::ZeroDuration()) {
    v1::ExecuteCodeRequest request;
    request.set_code("print('hello')");
    request.set_context_id(context_id);
    if (timeout > absl::ZeroDuration())
      request.mutable_timeout()->set_seconds(absl::ToInt64Seconds(timeout));
    Cell cell;
    cell.sink = std::make_shared<CollectingSink>();
    cell.operation = sandbox.Execute({}, std::move(request), cell.sink);
    return cell;
  }
  // To its end.
  static std::shared_ptr<CollectingSink> Run(SandboxHandle& sandbox,
                                             absl::Duration timeout = absl::ZeroDuration()) {
    const Cell cell = Begin(sandbox, "", timeout);
    EXPECT_TRUE(cell.sink->WaitForEnd());
    return cell.sink;
  }

  using ProcessNotes = NotingSink<v1::ProcessEvent>;
  struct Process {
    std::shared_ptr<ProcessNotes> sink;
    std::unique_ptr<Operation> operation;
  };
  static Process Start(SandboxHandle& sandbox,
                       v1::OnDisconnect on_disconnect = v1::ON_DISCONNECT_UNSPECIFIED) {
    v1::StartProcessRequest request;
    request.add_arguments("/bin/cat");
    request.set_on_disconnect(on_disconnect);
    Process process;
    process.sink = std::make_shared<ProcessNotes>();
    process.operation = sandbox.StartProcess({}, std::move(request), process.sink);
    return process;
  }

  // An error of this code, in words for clients that hold `words`.
  void ExpectError(const absl::Status& status, absl::StatusCode code,
                   absl::string_view words = "") {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), words)) << status;
    for (const std::string& part :
         {std::string(kReplayKey), std::string(kReplayEnvdToken), std::string(kReplayTrafficToken),
          std::string("127.0.0.1"), std::to_string(server().port()), std::string("10.1.2.3")})
      EXPECT_FALSE(absl::StrContains(status.message(), part)) << status;
  }
  // Nothing that was begun on the backend's thread is under way there: three rounds of it.
  void Pass() {
    for (int i = 0; i < 3; ++i) {
      auto listed = Ask<ProbeAnswer>([&](auto reply) { backend().Probe({}, std::move(reply)); });
      EXPECT_TRUE(listed.ok()) << listed.status();
    }
  }

  // First, so that it hears all that the others say.
  ReplayLog log_;
  ReplayCloud cloud_;
  std::unique_ptr<E2bBackend> backend_;
};

inline constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
inline constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
inline constexpr auto kDeadline = absl::StatusCode::kDeadlineExceeded;
inline constexpr auto kInternal = absl::StatusCode::kInternal;
inline constexpr auto kNotFound = absl::StatusCode::kNotFound;
inline constexpr auto kCancelled = absl::StatusCode::kCancelled;

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_REPLAY_REPLAY_TESTING_H_
