#ifndef WARREN_TESTS_LAUNCH_AGENT_TESTING_H_
#define WARREN_TESTS_LAUNCH_AGENT_TESTING_H_

#include <poll.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/control/frame.h"
#include "tests/launch/harness.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// The supervisor's ends.
struct RunningAgent {
  uint64_t process_id = 0;
  UniqueFd requests;
  UniqueFd events;
};
struct RunningCommand {
  uint64_t process_id = 0;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

class AgentTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    static int count = 0;
    id_ = absl::StrCat("agent", ++count);
    context_ = shared_->Launch(id_, zygote_);
    ASSERT_TRUE(context_.launched()) << context_.reply.message();
    agent_ = StartAgent();
  }
  void TearDown() override {
    if (shared_->GroupExists(id_)) shared_->Destroy(id_);
    EXPECT_FALSE(shared_->GroupExists(id_));
  }

  RunningAgent StartAgent() {
    LauncherMessage reply =
        shared_->WaitForReply(shared_->RequestProcess(id_, internal::StartProcess::AGENT));
    EXPECT_EQ(reply.fds.size(), 2u) << reply.reply.message();
    if (reply.fds.size() != 2) return {};
    return {reply.reply.process_started().process_id(), std::move(reply.fds[0]),
            std::move(reply.fds[1])};
  }

  // Offered by the launcher, not started.
  RunningCommand Offered(const std::string& profile = "") {
    LauncherMessage reply = shared_->WaitForReply(
        shared_->RequestProcess(id_, internal::StartProcess::COMMAND, profile));
    EXPECT_EQ(reply.fds.size(), 3u) << reply.reply.message();
    if (reply.fds.size() != 3) return {};
    return {reply.reply.process_started().process_id(), std::move(reply.fds[0]),
            std::move(reply.fds[1]), std::move(reply.fds[2])};
  }

  void Ask(const internal::AgentRequest& request) {
    std::string frame;
    EXPECT_EQ(AppendFrame(request, &frame), absl::OkStatus());
    AskBytes(frame);
  }
  void AskBytes(absl::string_view bytes) {
    EXPECT_EQ(::write(agent_.requests.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }

  static internal::AgentRequest StartRequest(uint64_t process_id,
                                             const std::vector<std::string>& argv) {
    internal::AgentRequest request;
    request.mutable_start()->set_process_id(process_id);
    for (const std::string& argument : argv) request.mutable_start()->add_argv(argument);
    return request;
  }

  // The next thing that the agent says; empty when it is gone.
  internal::AgentEvent NextEvent() {
    internal::AgentEvent event;
    while (events_.empty()) {
      pollfd wait = {agent_.events.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "the agent says nothing";
      char bytes[4096];
      const ssize_t size = ::read(agent_.events.get(), bytes, sizeof(bytes));
      if (size <= 0) return event;
      EXPECT_EQ(parser_.Feed({bytes, static_cast<size_t>(size)},
                             [&](absl::string_view frame) {
                               events_.emplace_back(frame);
                               return FrameParser::Next::kContinue;
                             }),
                absl::OkStatus());
    }
    EXPECT_TRUE(event.ParseFromString(events_.front()));
    events_.pop_front();
    return event;
  }

  RunningCommand Started(const std::vector<std::string>& argv, const std::string& profile = "") {
    RunningCommand command = Offered(profile);
    Ask(StartRequest(command.process_id, argv));
    EXPECT_EQ(NextEvent().started().process_id(), command.process_id);
    return command;
  }

  // Until its end.
  static std::string ReadToEnd(const UniqueFd& fd) {
    std::string text;
    char bytes[4096];
    while (true) {
      pollfd wait = {fd.get(), POLLIN, 0};
      if (::poll(&wait, 1, PatienceMs()) != 1) {
        ADD_FAILURE() << "the stream does not end";
        return text;
      }
      const ssize_t size = ::read(fd.get(), bytes, sizeof(bytes));
      if (size <= 0) return text;
      text.append(bytes, static_cast<size_t>(size));
    }
  }

  std::string OutputOf(const std::vector<std::string>& argv, const std::string& profile = "") {
    RunningCommand command = Started(argv, profile);
    command.in.reset();
    const std::string out = ReadToEnd(command.out);
    EXPECT_EQ(ReadToEnd(command.err), "");
    EXPECT_EQ(Exit(command).exit_code(), 0);
    return out;
  }

  internal::ProcessExited Exit(const RunningCommand& command) {
    return shared_->WaitForProcessExited(id_, command.process_id);
  }
  std::string GroupOf(uint64_t process_id) const { return absl::StrCat(id_, "/p", process_id); }
  pid_t AgentPid() const {
    const std::vector<pid_t> pids = shared_->PidsInFreezer(GroupOf(agent_.process_id));
    EXPECT_EQ(pids.size(), 1u);
    return pids.empty() ? -1 : pids[0];
  }
  absl::Status Kill(uint64_t process_id) {
    return shared_->WaitForStatus(shared_->RequestKill(id_, process_id));
  }

  std::string id_;
  RunningSandbox context_;
  RunningAgent agent_;
  FrameParser parser_;
  std::deque<std::string> events_;
};

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_AGENT_TESTING_H_
