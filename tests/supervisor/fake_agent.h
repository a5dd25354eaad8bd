#ifndef WARREN_TESTS_SUPERVISOR_FAKE_AGENT_H_
#define WARREN_TESTS_SUPERVISOR_FAKE_AGENT_H_

#include <poll.h>
#include <unistd.h>

#include <deque>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/control/frame.h"
#include "tests/supervisor/fake_launcher.h"
#include "tests/support/patience.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// An agent's ends of its pipes, in the hands of a test. Thread-compatible.
class FakeAgent {
 public:
  static constexpr uint64_t kProcess = 100;

  // What the launcher answers to the request for one.
  void Start(FakeLauncher& launcher, const internal::LauncherRequest& request,
             uint64_t process_id = kProcess) {
    Pipe requests = *MakePipe();
    Pipe events = *MakePipe();
    EXPECT_TRUE(SetNonBlocking(requests.write_end.get()).ok());
    EXPECT_TRUE(SetNonBlocking(events.read_end.get()).ok());
    const int fds[] = {requests.write_end.get(), events.read_end.get()};
    requests_ = std::move(requests.read_end);
    events_ = std::move(events.write_end);
    parser_ = FrameParser();
    launcher.ReplyWith(request, process_id, fds);
  }

  // Waits for it; of no kind, and a test failure, when none comes.
  internal::AgentRequest NextRequest() {
    internal::AgentRequest request;
    while (parsed_.empty()) {
      pollfd ready{requests_.get(), POLLIN, 0};
      if (::poll(&ready, 1, PatienceMs()) != 1 || !ReadOnce()) {
        ADD_FAILURE() << "the agent was asked for nothing";
        return request;
      }
    }
    EXPECT_TRUE(request.ParseFromString(parsed_.front()));
    parsed_.pop_front();
    return request;
  }

  void Say(const internal::AgentEvent& event) {
    std::string frame;
    EXPECT_EQ(AppendFrame(event, &frame), absl::OkStatus());
    SayBytes(frame);
  }
  void SayBytes(const std::string& bytes) {
    EXPECT_EQ(::write(events_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  void SayStarted(uint64_t process_id, int32_t pid = 7) {
    internal::AgentEvent event;
    event.mutable_started()->set_process_id(process_id);
    event.mutable_started()->set_pid(pid);
    Say(event);
  }
  void SayFailed(uint64_t process_id, internal::CommandFailed::Step step, int error) {
    internal::AgentEvent event;
    event.mutable_failed()->set_process_id(process_id);
    event.mutable_failed()->set_step(step);
    event.mutable_failed()->set_error(error);
    Say(event);
  }
  // The supervisor has closed its ends.
  bool Abandoned() {
    pollfd ready{events_.get(), 0, 0};
    return ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLERR) != 0;
  }
  // As the kernel does at its end.
  void CloseAll() {
    requests_.reset();
    events_.reset();
  }

 private:
  bool ReadOnce() {
    char bytes[65536];
    const ssize_t size = ::read(requests_.get(), bytes, sizeof(bytes));
    return size > 0 && parser_
                           .Feed({bytes, static_cast<size_t>(size)},
                                 [&](absl::string_view frame) {
                                   parsed_.emplace_back(frame);
                                   return FrameParser::Next::kContinue;
                                 })
                           .ok();
  }

  UniqueFd requests_;
  UniqueFd events_;
  FrameParser parser_;
  std::deque<std::string> parsed_;
};

// A command's ends of its pipes.
struct FakeCommand {
  uint64_t process_id = 0;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;

  void Offer(FakeLauncher& launcher, const internal::LauncherRequest& request, uint64_t id) {
    process_id = id;
    Pipe standard[3];
    for (Pipe& pipe : standard) pipe = *MakePipe();
    EXPECT_TRUE(SetNonBlocking(standard[0].write_end.get()).ok());
    EXPECT_TRUE(SetNonBlocking(standard[1].read_end.get()).ok());
    EXPECT_TRUE(SetNonBlocking(standard[2].read_end.get()).ok());
    const int fds[] = {standard[0].write_end.get(), standard[1].read_end.get(),
                       standard[2].read_end.get()};
    in = std::move(standard[0].read_end);
    out = std::move(standard[1].write_end);
    err = std::move(standard[2].write_end);
    launcher.ReplyWith(request, id, fds);
  }
  void Say(const std::string& text) {
    EXPECT_EQ(::write(out.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void CloseAll() {
    in.reset();
    out.reset();
    err.reset();
  }
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_FAKE_AGENT_H_
