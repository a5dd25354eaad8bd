#include "runtime/control/worker_event.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using internal::WorkerDone;
using internal::WorkerEvent;

absl::Status Parse(const WorkerEvent& event) {
  WorkerEvent parsed;
  return ParseWorkerEvent(event.SerializeAsString(), &parsed);
}

TEST(ParseOutputFrameTest, SeesWhatProtobufSees) {
  for (uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{300}, ~uint64_t{0}}) {
    WorkerEvent event;
    event.set_execution_id(id);
    event.set_stderr_data("some output");
    const std::string frame = event.SerializeAsString();
    auto output = ParseOutputFrame(frame);
    ASSERT_TRUE(output.has_value()) << id;
    EXPECT_EQ(output->execution_id, id);
    EXPECT_EQ(output->stream, WorkerEvent::kStderrData);
    EXPECT_EQ(output->data, "some output");
  }
}

TEST(ParseOutputFrameTest, LeavesEverythingElseToProtobuf) {
  WorkerEvent done;
  done.set_execution_id(1);
  done.mutable_done()->set_outcome(WorkerDone::OK);
  EXPECT_FALSE(ParseOutputFrame(done.SerializeAsString()).has_value());

  WorkerEvent output;
  output.set_stdout_data("x");
  const std::string good = output.SerializeAsString();
  EXPECT_FALSE(ParseOutputFrame(good + "\x08\x01").has_value()) << "fields behind the output";
  EXPECT_FALSE(ParseOutputFrame(good.substr(0, good.size() - 1)).has_value()) << "cut short";
  EXPECT_FALSE(ParseOutputFrame("").has_value());
  EXPECT_FALSE(ParseOutputFrame("\x08").has_value());
  EXPECT_FALSE(ParseOutputFrame("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").has_value());
  output.set_stdout_data(std::string((64 << 10) + 1, 'x'));
  EXPECT_FALSE(ParseOutputFrame(output.SerializeAsString()).has_value());
}

TEST(ParseWorkerEventTest, BoundsOutput) {
  WorkerEvent event;
  event.set_stdout_data(std::string(64 << 10, 'x'));
  EXPECT_TRUE(Parse(event).ok());
  event.set_stdout_data(std::string((64 << 10) + 1, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(Parse(event)));
}

TEST(ParseWorkerEventTest, BoundsDisplays) {
  WorkerEvent event;
  for (int i = 0; i < 64; ++i)
    event.mutable_display()->add_parts()->set_mime_type(std::string(128, 'm'));
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_display()->mutable_parts(0)->set_mime_type(std::string(129, 'm'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_display()->mutable_parts(0)->clear_mime_type();
  event.mutable_display()->add_parts();
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, RefusesWhatIsNoEvent) {
  WorkerEvent parsed;
  EXPECT_FALSE(ParseWorkerEvent("\xff\xff", &parsed).ok());
  EXPECT_FALSE(Parse(WorkerEvent()).ok());
  WorkerEvent done;
  done.mutable_done();
  EXPECT_FALSE(Parse(done).ok()) << "no outcome";
  done.mutable_done()->set_outcome(static_cast<WorkerDone::Outcome>(9));
  EXPECT_FALSE(Parse(done).ok()) << "an outcome that there is not";
  WorkerEvent ready;
  ready.set_execution_id(1);
  ready.mutable_ready();
  EXPECT_FALSE(Parse(ready).ok()) << "a start-up event of a cell";
}

}  // namespace
}  // namespace warren
