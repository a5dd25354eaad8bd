#include "runtime/control/frame_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/control/agent_stream.h"
#include "runtime/control/frame.h"
#include "warren/internal/agent.pb.h"

namespace warren {
namespace {

constexpr int kPipeBytes = 64 << 10;
constexpr int kField = internal::AgentEvent::kDataFieldNumber;

class FrameWriterTest : public ::testing::Test {
 protected:
  FrameWriterTest() {
    // The reader's going is an error here, not a signal.
    std::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
    EXPECT_EQ(::fcntl(writer_.get(), F_SETPIPE_SZ, kPipeBytes), kPipeBytes);
  }

  // All that is in the pipe.
  void Read() {
    std::string bytes(kPipeBytes, '\0');
    const ssize_t size = ::read(reader_.get(), bytes.data(), bytes.size());
    if (size <= 0) return;
    bytes.resize(static_cast<size_t>(size));
    const absl::Status fed = parser_.Feed(bytes, [&](absl::string_view frame) {
      internal::AgentEvent event;
      EXPECT_TRUE(event.ParseFromArray(frame.data(), static_cast<int>(frame.size())));
      events_.push_back(std::move(event));
      return FrameParser::Next::kContinue;
    });
    EXPECT_TRUE(fed.ok()) << fed;
  }

  void ReadToTheEnd() {
    while (!frames_.empty()) {
      Read();
      ASSERT_TRUE(frames_.Flush(writer_.get()).ok());
    }
    Read();
  }

  UniqueFd reader_;
  UniqueFd writer_;
  FrameWriter frames_;
  FrameParser parser_;
  std::vector<internal::AgentEvent> events_;
};

TEST_F(FrameWriterTest, DataIsTheMessageThatItsReaderParses) {
  for (uint64_t id : {uint64_t{1}, uint64_t{300}, UINT64_MAX}) {
    for (const bool last : {false, true}) {
      events_.clear();
      const std::string data = last ? std::string() : std::string("some\0bytes", 10);
      ASSERT_TRUE(frames_.WriteData(writer_.get(), kField, id, last, data).ok());
      ReadToTheEnd();
      ASSERT_EQ(events_.size(), 1);
      EXPECT_EQ(events_[0].data().stream_id(), id);
      EXPECT_EQ(events_[0].data().data(), data);
      EXPECT_EQ(events_[0].data().last(), last);
    }
  }
}

TEST_F(FrameWriterTest, WhatAPipeHasNoRoomForComesLaterAndInOrder) {
  std::string expected;
  std::string got;
  for (char each = 'a'; each < 'k'; ++each) {
    const std::string piece(kStreamPiece - static_cast<size_t>(each), each);
    expected += piece;
    ASSERT_TRUE(frames_.WriteData(writer_.get(), kField, 7, each == 'j', piece).ok());
    // Others in between.
    internal::AgentEvent credit;
    credit.mutable_credit()->set_bytes(static_cast<uint32_t>(each));
    ASSERT_TRUE(frames_.Add(credit).ok());
    EXPECT_FALSE(frames_.empty());
    if (each % 3 == 0) Read();
  }
  ReadToTheEnd();
  ASSERT_EQ(events_.size(), 20);
  for (size_t i = 0; i < events_.size(); ++i) {
    ASSERT_EQ(events_[i].has_data(), i % 2 == 0) << i;
    got += events_[i].data().data();
  }
  EXPECT_TRUE(got == expected);
  EXPECT_TRUE(events_[18].data().last());
}

TEST_F(FrameWriterTest, AHeadThatIsCutIsWholeAtItsReader) {
  // The pipe takes as little as there is room for.
  const std::string filler(kPipeBytes - 5, 'x');
  ASSERT_EQ(::write(writer_.get(), filler.data(), filler.size()),
            static_cast<ssize_t>(filler.size()));
  ASSERT_TRUE(frames_.WriteData(writer_.get(), kField, 9, true, "data").ok());
  std::string bytes(filler.size(), '\0');
  ASSERT_EQ(::read(reader_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  ReadToTheEnd();
  ASSERT_EQ(events_.size(), 1);
  EXPECT_EQ(events_[0].data().data(), "data");
}

TEST_F(FrameWriterTest, AReaderThatIsGoneIsAnError) {
  reader_.reset();
  EXPECT_FALSE(frames_.WriteData(writer_.get(), kField, 1, false, "data").ok());
  internal::AgentEvent event;
  event.mutable_root_wanted();
  ASSERT_TRUE(frames_.Add(event).ok());
  EXPECT_FALSE(frames_.Flush(writer_.get()).ok());
}

TEST_F(FrameWriterTest, MemoryIsGivenBackOnlyWhereNothingIsKept) {
  const std::string piece(kStreamPiece, 'x');
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(frames_.WriteData(writer_.get(), kField, 1, false, piece).ok());
  const size_t kept = frames_.size();
  frames_.Shrink(0);
  EXPECT_EQ(frames_.size(), kept);
  ReadToTheEnd();
  frames_.Shrink(0);
  EXPECT_EQ(events_.size(), 3);
}

}  // namespace
}  // namespace warren
