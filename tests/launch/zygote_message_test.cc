// What a zygote says, hostile or cut: an error or an event, never a crash or a leaked fd.

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/launch/launcher/zygote_process.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

std::string Bytes(ZygoteMessageKind kind, const std::string& text = "") {
  ZygoteMessage message = {kind, 0, 7, 42, 256};
  return std::string(reinterpret_cast<const char*>(&message), sizeof(message)) + text;
}

absl::StatusOr<ZygoteProcess::Event> Parse(const std::string& data, int fds = 0) {
  Message message;
  message.data = data;
  for (int i = 0; i < fds; ++i) message.fds.emplace_back(::dup(STDIN_FILENO));
  return ZygoteProcess::Parse(std::move(message), "base");
}

TEST(ZygoteMessageTest, FieldsAndTextArrive) {
  auto event = Parse(Bytes(ZygoteMessageKind::kExited, "text"));
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->message.kind, ZygoteMessageKind::kExited);
  EXPECT_EQ(event->message.context_id, 7u);
  EXPECT_EQ(event->message.pid, 42);
  EXPECT_EQ(event->message.status, 256);
  EXPECT_EQ(event->text, "text");
  EXPECT_FALSE(event->pidfd.valid());
}

TEST(ZygoteMessageTest, ItsTextIsOneLineAndNotTooLong) {
  EXPECT_EQ(Parse(Bytes(ZygoteMessageKind::kFailed, "a\nevent=forged\x1b[2J"))->text,
            "a\\nevent=forged\\x1b[2J");
  std::string text =
      Parse(Bytes(ZygoteMessageKind::kFailed, "begin" + std::string(16000, 'x') + "the end"))->text;
  EXPECT_LT(text.size(), 2100u);
  EXPECT_THAT(text, ::testing::StartsWith("begin"));
  EXPECT_THAT(text, ::testing::EndsWith("the end"));
}

TEST(ZygoteMessageTest, AForkCarriesExactlyOneDescriptor) {
  auto event = Parse(Bytes(ZygoteMessageKind::kForked), 1);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_TRUE(event->pidfd.valid());
  for (int fds : {0, 2, 5})
    EXPECT_TRUE(absl::IsAborted(Parse(Bytes(ZygoteMessageKind::kForked), fds).status())) << fds;
}

TEST(ZygoteMessageTest, EveryTruncationIsTheEndOfTheZygote) {
  std::string whole = Bytes(ZygoteMessageKind::kReady);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(absl::IsAborted(Parse(whole.substr(0, size)).status())) << size;
  }
  EXPECT_TRUE(Parse(whole).ok());
}

TEST(ZygoteMessageTest, UnknownKindsAreRefused) {
  for (uint32_t kind : {0u, 5u, 255u, 0xffffffffu}) {
    EXPECT_TRUE(absl::IsAborted(Parse(Bytes(static_cast<ZygoteMessageKind>(kind))).status()))
        << kind;
  }
}

TEST(ZygoteMessageTest, AFailedStepOfInitIsNamed) {
  SetupResult failed = {SetupStage::kOverlay, EINVAL, 5};
  std::string data(reinterpret_cast<const char*>(&failed), sizeof(failed));
  std::string message(Parse(data).status().message());
  EXPECT_THAT(message, HasSubstr("zygote of base"));
  EXPECT_THAT(message, HasSubstr("mount overlay"));
  EXPECT_THAT(message, HasSubstr("Invalid argument"));
  EXPECT_THAT(message, HasSubstr("step 5"));
  // A stage and an errno that nobody knows.
  failed = {static_cast<SetupStage>(12345), 99999, -1};
  std::memcpy(data.data(), &failed, sizeof(failed));
  EXPECT_TRUE(absl::IsAborted(Parse(data).status()));
}

}  // namespace
}  // namespace warren
