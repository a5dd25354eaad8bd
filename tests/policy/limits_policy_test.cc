#include "runtime/policy/limits_policy.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kDefaultPath[] = "policies/limits/default.textproto";
using TemplateLimits = config::TemplateRecipe::DefaultLimits;

class ResolveLimitsTest : public ::testing::Test {
 protected:
  ResolveLimitsTest() : policy_(LoadLimitsPolicy(kDefaultPath).value()) {}
  absl::StatusOr<v1::Limits> Resolve() { return ResolveLimits(policy_, requested_, template_); }

  config::LimitsPolicy policy_;
  v1::Limits requested_;
  TemplateLimits template_;
};

// The numbers that common.proto promises.
TEST_F(ResolveLimitsTest, DefaultsAreTheDocumentedOnes) {
  auto limits = Resolve();
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->memory_bytes(), int64_t{512} << 20);
  EXPECT_EQ(limits->cpu_millis(), 1000);
  EXPECT_EQ(limits->pids(), 256);
  EXPECT_EQ(limits->disk_bytes(), int64_t{256} << 20);
  EXPECT_EQ(limits->disk_inodes(), 65536);
  EXPECT_EQ(limits->open_files(), 1024);
  EXPECT_EQ(limits->file_size_bytes(), limits->disk_bytes());
  EXPECT_EQ(limits->cpu_seconds(), 0);
  EXPECT_EQ(limits->output_bytes(), int64_t{64} << 20);
}

TEST_F(ResolveLimitsTest, DocumentedMinimaAreTaken) {
  requested_.set_memory_bytes(int64_t{64} << 20);
  requested_.set_cpu_millis(10);
  requested_.set_pids(8);
  EXPECT_TRUE(Resolve().ok()) << Resolve().status();
}

TEST_F(ResolveLimitsTest, TheRequestGoesBeforeTheTemplate) {
  template_.set_memory_bytes(int64_t{2} << 30);
  template_.set_pids(100);
  requested_.set_pids(50);
  auto limits = Resolve();
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->memory_bytes(), int64_t{2} << 30);
  EXPECT_EQ(limits->pids(), 50);
}

TEST_F(ResolveLimitsTest, SomeCanBeChangedLater) {
  const v1::Limits before = *Resolve();
  v1::Limits wanted;
  wanted.set_memory_bytes(int64_t{1} << 30);
  wanted.set_cpu_millis(10);
  wanted.set_pids(8);
  wanted.set_output_bytes(1);
  auto after = ChangeLimits(policy_, before, wanted);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->memory_bytes(), int64_t{1} << 30);
  EXPECT_EQ(after->pids(), 8);
  EXPECT_EQ(after->output_bytes(), 1);
  EXPECT_EQ(after->disk_bytes(), before.disk_bytes());
  EXPECT_EQ(ChangeLimits(policy_, before, {})->SerializeAsString(), before.SerializeAsString());
}

TEST_F(ResolveLimitsTest, AChangeIsRefusedAndNotClamped) {
  const v1::Limits before = *Resolve();
  for (auto set : {&v1::Limits::set_disk_bytes, &v1::Limits::set_disk_inodes,
                   &v1::Limits::set_file_size_bytes, &v1::Limits::set_cpu_seconds}) {
    v1::Limits wanted;
    (wanted.*set)(int64_t{1} << 20);
    absl::Status refused = ChangeLimits(policy_, before, wanted).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("cannot be changed later"));
  }
  v1::Limits wanted;
  wanted.set_pids(7);
  absl::Status refused = ChangeLimits(policy_, before, wanted).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("pids 7 is outside 8 to 32768"));
  wanted.set_pids(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(ChangeLimits(policy_, before, wanted).status()));
}

TEST_F(ResolveLimitsTest, FileSizeFollowsTheResolvedDisk) {
  requested_.set_disk_bytes(int64_t{64} << 20);
  EXPECT_EQ(Resolve()->file_size_bytes(), int64_t{64} << 20);
  requested_.set_file_size_bytes(int64_t{1} << 20);
  EXPECT_EQ(Resolve()->file_size_bytes(), int64_t{1} << 20);
}

TEST_F(ResolveLimitsTest, ARequestOutOfRangeNamesLimitValueAndRange) {
  requested_.set_pids(7);
  auto limits = Resolve();
  EXPECT_TRUE(absl::IsInvalidArgument(limits.status()));
  EXPECT_EQ(limits.status().message(),
            "the requested pids 7 is outside 8 to 32768, the range of limits policy default");
}

TEST_F(ResolveLimitsTest, EveryLimitHasBounds) {
  const auto* descriptor = v1::Limits::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    for (int64_t value : {int64_t{-1}, int64_t{INT32_MAX}, INT64_MAX}) {
      v1::Limits limits;
      if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_INT32) {
        limits.GetReflection()->SetInt32(&limits, field, value < 0 ? -1 : INT32_MAX);
      } else if (value != INT32_MAX) {
        limits.GetReflection()->SetInt64(&limits, field, value);
      } else {
        continue;
      }
      EXPECT_TRUE(absl::IsInvalidArgument(ResolveLimits(policy_, limits, template_).status()))
          << field->name() << " " << value;
    }
  }
}

TEST_F(ResolveLimitsTest, ATemplateOutOfRangeIsTheOperatorsProblem) {
  template_.set_memory_bytes(1);
  auto limits = Resolve();
  EXPECT_TRUE(absl::IsFailedPrecondition(limits.status()));
  EXPECT_THAT(std::string(limits.status().message()), HasSubstr("the template's memory_bytes 1"));
}

TEST(LoadLimitsPolicyTest, RefusesABadOrder) {
  std::string path =
      absl::StrCat(::testing::TempDir(), "/warren-limits-", ::getpid(), ".textproto");
  std::ifstream original(kDefaultPath);
  std::string text((std::istreambuf_iterator<char>(original)), {});
  size_t at = text.find("pids: 8 ");
  ASSERT_NE(at, std::string::npos);
  std::ofstream(path) << text.replace(at, 7, "pids: 0");
  EXPECT_THAT(std::string(LoadLimitsPolicy(path).status().message()), HasSubstr("pids: minimum 0"));
  std::filesystem::remove(path);
}

TEST(LoadLimitsPolicyTest, NamesAMissingFile) {
  EXPECT_TRUE(absl::IsNotFound(LoadLimitsPolicy("/nonexistent/limits").status()));
}

}  // namespace
}  // namespace warren::testing
