#include "runtime/control/frame.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "warren/internal/worker.pb.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Header(uint32_t length) {
  return {static_cast<char>(length), static_cast<char>(length >> 8),
          static_cast<char>(length >> 16), static_cast<char>(length >> 24)};
}
std::string Frame(const std::string& payload) {
  return Header(static_cast<uint32_t>(payload.size())) + payload;
}

// Collects frames as a reader would.
struct Reader {
  FrameParser parser;
  std::vector<std::string> frames;
  absl::Status Feed(absl::string_view bytes) {
    return parser.Feed(bytes, [this](absl::string_view frame) {
      frames.emplace_back(frame);
      return FrameParser::Next::kContinue;
    });
  }
};

TEST(FrameParserTest, CutsWholeFramesInPlace) {
  Reader reader;
  ASSERT_TRUE(reader.Feed(Frame("one") + Frame("two")).ok());
  EXPECT_THAT(reader.frames, ElementsAre("one", "two"));
  EXPECT_EQ(reader.parser.pending(), 0u);
}

TEST(FrameParserTest, JoinsFramesThatArriveByteByByte) {
  Reader reader;
  for (char byte : Frame("first") + Frame("second")) ASSERT_TRUE(reader.Feed({&byte, 1}).ok());
  EXPECT_THAT(reader.frames, ElementsAre("first", "second"));
}

TEST(FrameParserTest, HoldsNoMoreThanWhatHasArrivedOfAFrame) {
  Reader reader;
  ASSERT_TRUE(reader.Feed(Header(kMaxFrameBytes) + "abc").ok());
  EXPECT_EQ(reader.parser.pending(), kFrameHeaderBytes + 3);
}

TEST(FrameParserTest, TakesTheLargestFrameAndRefusesOneByteMore) {
  Reader reader;
  ASSERT_TRUE(reader.Feed(Frame(std::string(kMaxFrameBytes, 'x'))).ok());
  EXPECT_EQ(reader.frames.at(0).size(), kMaxFrameBytes);
  absl::Status refused = reader.Feed(Header(kMaxFrameBytes + 1));
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("4128769"));
}

TEST(FrameParserTest, RefusesTheHeaderAloneBeforeAnyPayload) {
  Reader four_gibibytes;
  EXPECT_TRUE(absl::IsInvalidArgument(four_gibibytes.Feed("\xff\xff\xff\xff")));
  Reader empty;
  EXPECT_TRUE(absl::IsInvalidArgument(empty.Feed(Header(0))));
  Reader dribbled;
  ASSERT_TRUE(dribbled.Feed("\xff\xff").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(dribbled.Feed("\xff\xff")));
}

TEST(FrameParserTest, RefusesEverythingAfterAFailure) {
  Reader reader;
  ASSERT_FALSE(reader.Feed(Header(0)).ok());
  EXPECT_FALSE(reader.Feed(Frame("late")).ok());
  EXPECT_TRUE(reader.frames.empty());
}

TEST(FrameParserTest, StopsWhereTheReaderSaysSo) {
  FrameParser parser;
  int frames = 0;
  absl::Status stopped = parser.Feed(Frame("a") + Frame("b"), [&](absl::string_view) {
    ++frames;
    return FrameParser::Next::kStop;
  });
  EXPECT_TRUE(absl::IsCancelled(stopped));
  EXPECT_EQ(frames, 1);
}

TEST(FrameParserTest, AnySplitOfAStreamGivesTheSameFrames) {
  std::mt19937 random(20260101);
  for (int round = 0; round < 200; ++round) {
    std::string stream;
    std::vector<std::string> sent;
    for (int i = 0; i < 20; ++i) {
      sent.emplace_back(1 + random() % (round % 2 == 0 ? 8 : 3000), static_cast<char>('a' + i));
      stream += Frame(sent.back());
    }
    Reader reader;
    for (absl::string_view rest = stream; !rest.empty();) {
      size_t take = std::min<size_t>(rest.size(), 1 + random() % 1500);
      ASSERT_TRUE(reader.Feed(rest.substr(0, take)).ok());
      rest.remove_prefix(take);
    }
    ASSERT_EQ(reader.frames, sent);
  }
}

TEST(FrameParserTest, RandomBytesNeverGrowTheBufferBeyondOneFrame) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Reader reader;
    for (int i = 0; i < 50; ++i) {
      std::string bytes(random() % 64, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
      if (!reader.Feed(bytes).ok()) break;
      ASSERT_LE(reader.parser.pending(), kFrameHeaderBytes + kMaxFrameBytes);
    }
  }
}

TEST(AppendFrameTest, RoundTripsThroughTheParser) {
  internal::WorkerRequest request;
  request.set_execution_id(7);
  request.mutable_execute()->set_code("print(1)");
  std::string bytes;
  ASSERT_TRUE(AppendFrame(request, &bytes).ok());
  Reader reader;
  ASSERT_TRUE(reader.Feed(bytes).ok());
  internal::WorkerRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(reader.frames.at(0)));
  EXPECT_EQ(parsed.execute().code(), "print(1)");
}

TEST(AppendFrameTest, RefusesWhatNoFrameCanCarry) {
  internal::WorkerRequest request;
  std::string bytes;
  EXPECT_FALSE(AppendFrame(request, &bytes).ok());
  request.mutable_execute()->set_code(std::string(kMaxFrameBytes, 'x'));
  EXPECT_FALSE(AppendFrame(request, &bytes).ok());
  EXPECT_TRUE(bytes.empty());
}

}  // namespace
}  // namespace warren
