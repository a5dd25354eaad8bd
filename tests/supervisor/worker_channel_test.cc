#include "supervisor/session/worker_channel.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/control/frame.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using Outcome = WorkerChannel::Outcome;
using internal::WorkerDone;
using internal::WorkerEvent;
using warren::v1::ExecutionEvent;

// A worker's end of the pipes, and what the supervisor made of it.
class WorkerChannelTest : public ::testing::Test, private WorkerChannel::Sink {
 protected:
  void SetUp() override {
    Pipe request_pipe = *MakePipe();
    Pipe event_pipe = *MakePipe();
    Pipe out_pipe = *MakePipe();
    Pipe err_pipe = *MakePipe();
    requests = std::move(request_pipe.read_end);
    events = std::move(event_pipe.write_end);
    out = std::move(out_pipe.write_end);
    WorkerPipes pipes{std::move(request_pipe.write_end), std::move(event_pipe.read_end),
                      std::move(out_pipe.read_end), std::move(err_pipe.read_end)};
    err = std::move(err_pipe.write_end);
    for (const UniqueFd* fd :
         {&pipes.requests, &pipes.events, &pipes.standard_output, &pipes.standard_error}) {
      ASSERT_EQ(::fcntl(fd->get(), F_SETFL, O_NONBLOCK), 0);
    }
    channel.emplace(std::move(pipes));
  }
  void SendEvent(const WorkerEvent& event) {
    std::string frame;
    ASSERT_TRUE(AppendFrame(event, &frame).ok());
    Write(events, frame);
  }
  static void Write(const UniqueFd& fd, const std::string& bytes) {
    ASSERT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  absl::StatusOr<Outcome> ReadEvents() { return channel->ReadEvents(*this); }
  Outcome ReadOutput() { return channel->ReadOutput(ExecutionEvent::Output::STDOUT, *this); }
  absl::Status ReadRemains() { return channel->ReadRemains(*this); }

  std::optional<WorkerChannel> channel;
  UniqueFd requests, events, out, err;
  std::vector<std::string> heard;
  bool wants_more = true;
  bool stops_at_done = false;
  absl::Status answer;

 private:
  absl::Status OnOutput(uint64_t id, WorkerChannel::Stream stream,
                        absl::string_view data) override {
    heard.push_back(
        absl::StrCat(stream == ExecutionEvent::Output::STDOUT ? "out" : "err", id, ":", data));
    return answer;
  }
  absl::Status OnEvent(const WorkerEvent& event) override {
    heard.push_back(event.has_done() ? "done" : "other");
    if (event.has_done() && stops_at_done) wants_more = false;
    return answer;
  }
  bool WantsMore() const override { return wants_more; }
};

WorkerEvent Output(const std::string& data) {
  WorkerEvent event;
  event.set_execution_id(1);
  event.set_stdout_data(data);
  return event;
}
WorkerEvent Done() {
  WorkerEvent event;
  event.set_execution_id(1);
  event.mutable_done()->set_outcome(WorkerDone::OK);
  return event;
}

TEST_F(WorkerChannelTest, RawOutputComesBeforeTheEventsReadWithIt) {
  Write(out, "raw");
  Write(err, "noise");
  SendEvent(Output("python"));
  SendEvent(Done());
  EXPECT_EQ(*ReadEvents(), Outcome::kDrained);
  EXPECT_THAT(heard, ElementsAre("out0:raw", "err0:noise", "out1:python", "done"));
}

TEST_F(WorkerChannelTest, TellsEmptyFromClosed) {
  EXPECT_EQ(*ReadEvents(), Outcome::kDrained);
  EXPECT_EQ(ReadOutput(), Outcome::kDrained);
  events.reset();
  out.reset();
  EXPECT_EQ(*ReadEvents(), Outcome::kClosed);
  EXPECT_EQ(ReadOutput(), Outcome::kClosed);
}

TEST_F(WorkerChannelTest, ReadsNothingThatNobodyWants) {
  SendEvent(Done());
  Write(out, "raw");
  wants_more = false;
  EXPECT_EQ(*ReadEvents(), Outcome::kMore);
  EXPECT_EQ(ReadOutput(), Outcome::kMore);
  EXPECT_TRUE(heard.empty());
}

TEST_F(WorkerChannelTest, WhatWasReadBehindTheEndOfACellIsHeldForTheNext) {
  stops_at_done = true;
  SendEvent(Output("of the cell"));
  SendEvent(Done());
  SendEvent(Output("of a thread"));
  SendEvent(Output("again"));
  // All but the last byte of a frame.
  std::string frame;
  ASSERT_TRUE(AppendFrame(Output("cut"), &frame).ok());
  Write(events, frame.substr(0, frame.size() - 1));
  EXPECT_EQ(*ReadEvents(), Outcome::kMore) << "it is not over";
  EXPECT_THAT(heard, ElementsAre("out1:of the cell", "done"));
  EXPECT_EQ(*ReadEvents(), Outcome::kMore);
  EXPECT_EQ(heard.size(), 2u) << "nobody wants it yet";
  wants_more = true;
  Write(out, "raw");
  EXPECT_EQ(*ReadEvents(), Outcome::kDrained);
  EXPECT_THAT(
      heard, ElementsAre("out1:of the cell", "done", "out0:raw", "out1:of a thread", "out1:again"));
  Write(events, frame.substr(frame.size() - 1));
  EXPECT_EQ(*ReadEvents(), Outcome::kDrained);
  EXPECT_EQ(heard.back(), "out1:cut");
}

TEST_F(WorkerChannelTest, WhatIsHeldStopsAtTheNextEnd) {
  stops_at_done = true;
  for (int i = 0; i < 3; ++i) {
    SendEvent(Output("x"));
    SendEvent(Done());
  }
  for (size_t cell = 1; cell <= 3; ++cell) {
    wants_more = true;
    ASSERT_TRUE(ReadEvents().ok());
    EXPECT_EQ(heard.size(), 2 * cell);
  }
}

TEST_F(WorkerChannelTest, LastWordsOfWhatIsHeldAreRead) {
  stops_at_done = true;
  SendEvent(Done());
  SendEvent(Output("held"));
  EXPECT_EQ(*ReadEvents(), Outcome::kMore);
  SendEvent(Output("in the pipe"));
  EXPECT_TRUE(ReadRemains().ok());
  EXPECT_THAT(heard, ElementsAre("done", "out1:held", "out1:in the pipe"));
}

TEST_F(WorkerChannelTest, LastWordsAreReadWhetherWantedOrNot) {
  wants_more = false;
  Write(out, "last");
  SendEvent(Output("words"));
  EXPECT_TRUE(ReadRemains().ok());
  EXPECT_THAT(heard, ElementsAre("out0:last", "out1:words"));
}

TEST_F(WorkerChannelTest, RefusesBadFramesAndWhatTheSinkRefuses) {
  Write(events, std::string("\0\0\0\0", 4));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadEvents().status()));
}

TEST_F(WorkerChannelTest, PassesTheSinksRefusalOn) {
  answer = absl::InvalidArgumentError("not now");
  SendEvent(Done());
  SendEvent(Done());
  EXPECT_EQ(ReadEvents().status().message(), "not now");
  EXPECT_THAT(heard, ElementsAre("done")) << "nothing after it";
}

TEST_F(WorkerChannelTest, SendsAFrameWholeOrFlushesItLater) {
  internal::WorkerRequest request;
  request.set_execution_id(1);
  request.mutable_execute()->set_code(std::string(1 << 20, '#'));
  EXPECT_EQ(channel->Send(request), Outcome::kMore) << "a pipe does not take a mebibyte";
  const size_t whole = kFrameHeaderBytes + request.ByteSizeLong();
  std::string received;
  std::string chunk(1 << 16, '\0');
  for (Outcome outcome = Outcome::kMore; received.size() < whole;) {
    ssize_t n = ::read(requests.get(), chunk.data(), chunk.size());
    ASSERT_GT(n, 0);
    received.append(chunk, 0, static_cast<size_t>(n));
    if (outcome == Outcome::kMore) outcome = channel->Flush();
  }
  internal::WorkerRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(received.substr(kFrameHeaderBytes)));
  EXPECT_EQ(parsed.execute().code().size(), size_t{1} << 20);
}

TEST_F(WorkerChannelTest, SendingToADeadWorkerIsAnOutcome) {
  ::signal(SIGPIPE, SIG_IGN);
  requests.reset();
  internal::WorkerRequest request;
  request.set_execution_id(1);
  EXPECT_EQ(channel->Send(request), Outcome::kClosed);
}

}  // namespace
}  // namespace warren
