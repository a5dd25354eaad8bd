#include "supervisor/backend/validate.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::CreateSandboxRequest;
using warren::v1::ExecuteCodeRequest;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(ValidateCreateTest, FillsTheDefaultLifetimeIn) {
  CreateSandboxRequest request;
  ASSERT_TRUE(ValidateCreate(request).ok());
  EXPECT_EQ(ToDuration(request.lifetime()), absl::Seconds(300));
}

TEST(ValidateCreateTest, BoundsTheLifetime) {
  CreateSandboxRequest request;
  for (absl::Duration fits : {absl::Seconds(1), absl::Hours(24)}) {
    *request.mutable_lifetime() = ToProto(fits);
    EXPECT_TRUE(ValidateCreate(request).ok()) << fits;
  }
  for (absl::Duration bad : {absl::Milliseconds(999), absl::Hours(24) + absl::Nanoseconds(1)}) {
    *request.mutable_lifetime() = ToProto(bad);
    absl::Status status = ValidateCreate(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad;
    EXPECT_THAT(Message(status), HasSubstr("from 1s to 24h"));
  }
}

TEST(ValidateCreateTest, SurvivesSecondsBeyondEveryRange) {
  CreateSandboxRequest request;
  for (int64_t seconds :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), int64_t{-1}}) {
    request.mutable_lifetime()->set_seconds(seconds);
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request))) << seconds;
  }
}

TEST(ValidateCreateTest, BoundsMetadata) {
  CreateSandboxRequest request;
  auto& metadata = *request.mutable_metadata();
  metadata[std::string(128, 'k')] = std::string(1024, 'v');
  EXPECT_TRUE(ValidateCreate(request).ok());
  metadata[""] = "v";
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
  metadata.clear();
  metadata["k"] = std::string(1025, 'v');
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
  metadata.clear();
  for (int i = 0; i < 65; ++i) metadata[absl::StrCat(i)] = "";
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
}

TEST(ValidateCreateTest, SaysWhatIsNotBuilt) {
  CreateSandboxRequest request;
  request.set_network_policy("none");
  EXPECT_TRUE(ValidateCreate(request).ok());
  request.set_network_policy("open");
  EXPECT_TRUE(absl::IsUnimplemented(ValidateCreate(request)));
  request.clear_network_policy();
  (*request.mutable_env())["A"] = "b";
  EXPECT_TRUE(absl::IsUnimplemented(ValidateCreate(request)));
}

TEST(ValidateExecuteTest, FillsTheDefaultsIn) {
  ExecuteCodeRequest request;
  ASSERT_TRUE(ValidateExecute(request).ok());
  EXPECT_EQ(ToDuration(request.timeout()), absl::Seconds(60));
  EXPECT_EQ(request.max_output_bytes(), int64_t{64} << 20);
  EXPECT_TRUE(request.store_history());
  ExecuteCodeRequest silent;
  silent.set_silent(true);
  ASSERT_TRUE(ValidateExecute(silent).ok());
  EXPECT_TRUE(silent.has_store_history());
  EXPECT_FALSE(silent.store_history());
}

TEST(ValidateExecuteTest, KeepsWhatIsSet) {
  ExecuteCodeRequest request;
  *request.mutable_timeout() = ToProto(absl::Milliseconds(1));
  request.set_max_output_bytes(1);
  request.set_store_history(false);
  ASSERT_TRUE(ValidateExecute(request).ok());
  EXPECT_EQ(ToDuration(request.timeout()), absl::Milliseconds(1));
  EXPECT_EQ(request.max_output_bytes(), 1);
  EXPECT_FALSE(request.store_history());
}

TEST(ValidateExecuteTest, RefusesCodeThatNoInterpreterTakes) {
  ExecuteCodeRequest request;
  request.set_code(std::string(1 << 20, '#'));
  EXPECT_TRUE(ValidateExecute(request).ok());
  request.set_code(std::string((1 << 20) + 1, '#'));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("1048577 bytes"));
  request.set_code("x = '\xff'");
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("UTF-8"));
  request.set_code(std::string("x\0y", 3));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("NUL"));
}

TEST(ValidateExecuteTest, BoundsTimeoutAndOutput) {
  ExecuteCodeRequest request;
  *request.mutable_timeout() = ToProto(absl::Nanoseconds(999'999));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("timeout"));
  request.clear_timeout();
  for (int64_t bytes : {int64_t{-1}, (int64_t{16} << 30) + 1}) {
    request.set_max_output_bytes(bytes);
    EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("max_output_bytes")) << bytes;
  }
}

TEST(ValidateExecuteTest, BoundsUserExpressions) {
  ExecuteCodeRequest request;
  auto& expressions = *request.mutable_user_expressions();
  expressions[std::string(128, 'n')] = std::string(64 << 10, '1');
  EXPECT_TRUE(ValidateExecute(request).ok());
  expressions["one more"] = "1";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("65537 bytes"));
  expressions.clear();
  expressions[std::string(129, 'n')] = "";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("a name of 129 bytes"));
  expressions.clear();
  for (int i = 0; i < 65; ++i) expressions[absl::StrCat(i)] = "";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("65 entries"));
}

TEST(ValidateExecuteTest, SaysWhatIsNotBuilt) {
  ExecuteCodeRequest request;
  request.set_allow_stdin(true);
  EXPECT_TRUE(absl::IsUnimplemented(ValidateExecute(request)));
  request.clear_allow_stdin();
  (*request.mutable_env())["A"] = "b";
  EXPECT_TRUE(absl::IsUnimplemented(ValidateExecute(request)));
}

TEST(ValidateLifetimeTest, HasNoDefault) {
  warren::v1::SetSandboxLifetimeRequest request;
  EXPECT_THAT(Message(ValidateLifetime(request)), HasSubstr("missing"));
  *request.mutable_lifetime() = ToProto(absl::Seconds(1));
  EXPECT_TRUE(ValidateLifetime(request).ok());
  *request.mutable_lifetime() = ToProto(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateLifetime(request)));
}

TEST(ValidateListTest, BoundsThePage) {
  warren::v1::ListSandboxesRequest request;
  ASSERT_TRUE(ValidateList(request).ok());
  EXPECT_EQ(request.page_size(), 100);
  for (int32_t bad : {-1, 1001}) {
    request.set_page_size(bad);
    EXPECT_THAT(Message(ValidateList(request)), HasSubstr("page_size"));
  }
}

}  // namespace
}  // namespace warren
