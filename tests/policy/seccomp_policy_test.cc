// What a policy's text must be, and what its loader says otherwise.

#include "runtime/policy/seccomp_policy.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <filesystem>
#include <fstream>

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

config::SeccompPolicy Parse(const std::string& rules) {
  config::SeccompPolicy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("name: \"test\" " + rules, &policy));
  return policy;
}

constexpr char kRead[] = "allow { syscalls: 'read' reason: 'files' } ";

std::string Complaint(const std::string& rules) {
  absl::Status status = ValidateSeccompPolicy(Parse(kRead + rules));
  EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ValidateSeccompPolicyTest, AcceptsTheSmallestPolicy) { EXPECT_EQ(Complaint(""), ""); }

TEST(ValidateSeccompPolicyTest, RefusesAPolicyThatAllowsNothing) {
  absl::Status status = ValidateSeccompPolicy(Parse("deny { syscalls: 'bpf' reason: 'r' }"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("allows nothing"));
}

TEST(ValidateSeccompPolicyTest, WantsAReason) {
  EXPECT_THAT(Complaint("allow { syscalls: 'write' }"), HasSubstr("say the reason"));
  EXPECT_THAT(Complaint("deny { syscalls: 'bpf' }"), HasSubstr("say the reason"));
}

TEST(ValidateSeccompPolicyTest, WantsACall) {
  EXPECT_THAT(Complaint("allow { reason: 'r' }"), HasSubstr("at least one call"));
}

TEST(ValidateSeccompPolicyTest, RefusesUnknownNames) {
  EXPECT_THAT(Complaint("allow { syscalls: 'wriet' reason: 'r' }"), HasSubstr("\"wriet\""));
  // Exists on 32-bit only: libseccomp knows it by a pseudo number.
  EXPECT_THAT(Complaint("allow { syscalls: 'socketcall' reason: 'r' }"), HasSubstr("no x86-64"));
  EXPECT_THAT(Complaint("allow { syscalls: '#x' reason: 'r' }"),
              HasSubstr("no system call number"));
  EXPECT_THAT(Complaint("allow { syscalls: '#1073741824' reason: 'r' }"),
              HasSubstr("no system call number"));
}

TEST(ValidateSeccompPolicyTest, WantsTheNameWhereThereIsOne) {
  EXPECT_THAT(Complaint("allow { syscalls: '#101' reason: 'r' }"),
              HasSubstr("write ptrace instead"));
  EXPECT_EQ(Complaint("deny { syscalls: '#467' reason: 'open_tree_attr' }"), "");
}

TEST(ValidateSeccompPolicyTest, RefusesUnknownErrnos) {
  EXPECT_THAT(Complaint("deny { syscalls: 'bpf' reason: 'r' error: 'ENOPE' }"),
              HasSubstr("\"ENOPE\""));
  EXPECT_THAT(Complaint("allow { syscalls: 'write' reason: 'r' error: 'EPERM' }"),
              HasSubstr("no error"));
}

TEST(ValidateSeccompPolicyTest, RefusesDuplicatesAndContradictions) {
  EXPECT_THAT(Complaint("allow { syscalls: 'read' reason: 'r' }"), HasSubstr("already in allow"));
  EXPECT_THAT(Complaint("deny { syscalls: 'read' reason: 'r' }"), HasSubstr("already in allow"));
  EXPECT_THAT(Complaint("allow { syscalls: 'read' reason: 'r' arguments { index: 0 equal: 1 } }"),
              HasSubstr("already in allow"));
  EXPECT_THAT(
      Complaint("allow { syscalls: 'write' syscalls: 'write' reason: 'r' arguments { equal: 1 } }"),
      HasSubstr("same conditions twice"));
}

TEST(ValidateSeccompPolicyTest, TakesAlternatives) {
  EXPECT_EQ(Complaint("allow { syscalls: 'write' reason: 'r' arguments { index: 0 equal: 1 } }"
                      "allow { syscalls: 'write' reason: 'r' arguments { index: 0 equal: 2 } }"),
            "");
}

TEST(ValidateSeccompPolicyTest, RefusesConditionsThatMeanNothing) {
  EXPECT_THAT(Complaint("allow { syscalls: 'write' reason: 'r' arguments { index: 6 equal: 1 } }"),
              HasSubstr("arguments 0 to 5"));
  EXPECT_THAT(Complaint("allow { syscalls: 'write' reason: 'r' arguments { index: 0 } }"),
              HasSubstr("needs equal or masked_equal"));
  EXPECT_THAT(
      Complaint("allow { syscalls: 'write' reason: 'r' arguments { masked_equal { value: 1 } } }"),
      HasSubstr("mask 0"));
  EXPECT_THAT(Complaint("allow { syscalls: 'write' reason: 'r' arguments { masked_equal { mask: 1 "
                        "value: 2 } } }"),
              HasSubstr("never matches"));
  EXPECT_THAT(
      Complaint(
          "allow { syscalls: 'write' reason: 'r' arguments { equal: 1 } arguments { equal: 2 } }"),
      HasSubstr("two conditions on one argument"));
}

TEST(ValidateSeccompPolicyTest, RefusesADenyThatHighBitsGetPast) {
  constexpr char kSocket[] = "allow { syscalls: 'socket' reason: 'r' } ";
  EXPECT_THAT(Complaint(absl::StrCat(kSocket,
                                     "deny_arguments { syscalls: 'socket' reason: 'AF_VSOCK' "
                                     "arguments { index: 0 equal: 40 } }")),
              HasSubstr("low 32 bits"));
  EXPECT_THAT(Complaint(absl::StrCat(
                  kSocket,
                  "deny_arguments { syscalls: 'socket' reason: 'AF_VSOCK' arguments { index: 0 "
                  "masked_equal { mask: 0xffffffffffffffff value: 40 } } }")),
              HasSubstr("low 32 bits"));
  EXPECT_EQ(Complaint(absl::StrCat(
                kSocket,
                "deny_arguments { syscalls: 'socket' reason: 'AF_VSOCK' arguments { index: 0 "
                "masked_equal { mask: 0xffffffff value: 40 } } }")),
            "");
}

TEST(ValidateSeccompPolicyTest, KeepsAllowAndDenyByArgumentInTwoFilters) {
  EXPECT_THAT(
      Complaint(
          "deny { syscalls: 'ioctl' reason: 'r' arguments { index: 1 masked_equal { mask: 0xff "
          "value: 1 } } }"),
      HasSubstr("belong into deny_arguments"));
  EXPECT_THAT(Complaint("deny_arguments { syscalls: 'read' reason: 'r' }"),
              HasSubstr("belongs into deny"));
}

TEST(ValidateSeccompPolicyTest, RefusesToDenyArgumentsOfACallThatNothingAllows) {
  EXPECT_THAT(
      Complaint(
          "deny_arguments { syscalls: 'ioctl' reason: 'r' arguments { index: 1 masked_equal { "
          "mask: 0xff value: 1 } } }"),
      HasSubstr("nothing to deny"));
}

class LoadSeccompPolicyTest : public ::testing::Test {
 protected:
  LoadSeccompPolicyTest()
      : directory_(absl::StrCat(::testing::TempDir(), "/warren-policy-", ::getpid())) {
    std::filesystem::create_directory(directory_);
  }
  ~LoadSeccompPolicyTest() override { std::filesystem::remove_all(directory_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::string path = absl::StrCat(directory_, "/", name, ".textproto");
    std::ofstream(path) << text;
    return path;
  }

  std::string directory_;
};

TEST_F(LoadSeccompPolicyTest, NamesThePlaceOfASyntaxError) {
  auto policy = LoadSeccompPolicy(Write("bad", "name: \"bad\"\nalow {}\n"));
  ASSERT_TRUE(absl::IsInvalidArgument(policy.status()));
  EXPECT_THAT(std::string(policy.status().message()), HasSubstr("bad.textproto:2:"));
}

TEST_F(LoadSeccompPolicyTest, NamesAMissingFile) {
  auto policy = LoadSeccompPolicy(directory_ + "/none.textproto");
  EXPECT_TRUE(absl::IsNotFound(policy.status())) << policy.status();
  EXPECT_THAT(std::string(policy.status().message()), HasSubstr("none.textproto"));
}

TEST_F(LoadSeccompPolicyTest, AddsToThePolicyThatItExtends) {
  Write("base",
        "name: \"base\" description: \"b\" allow { syscalls: \"read\" syscalls: \"prctl\" reason: "
        "\"r\" "
        "arguments { index: 0 equal: 1 } } deny { syscalls: \"setns\" syscalls: \"mount\" reason: "
        "\"d\" }");
  auto policy = LoadSeccompPolicy(
      Write("more",
            "name: \"more\" extends: \"base\" allow { syscalls: \"setns\" syscalls: \"read\" "
            "reason: \"join\" } "
            "allow { syscalls: \"prctl\" reason: \"p\" arguments { index: 0 equal: 2 } }"));
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->name(), "more");
  EXPECT_EQ(policy->description(), "");
  CompiledPolicy compiled = CompileOrDie(*policy);
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_setns)), "ALLOW");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_mount)), "EPERM");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_read, {7})), "ALLOW");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_prctl, {1})), "ALLOW");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_prctl, {2})), "ALLOW");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_prctl, {3})), "ENOSYS");
}

TEST_F(LoadSeccompPolicyTest, ExtendsNeitherPathsNorChains) {
  Write("base", "name: \"base\" extends: \"root\"");
  EXPECT_THAT(
      std::string(
          LoadSeccompPolicy(Write("a", "name: \"a\" extends: \"base\"")).status().message()),
      HasSubstr("one level only"));
  EXPECT_THAT(
      std::string(
          LoadSeccompPolicy(Write("b", "name: \"b\" extends: \"../base\"")).status().message()),
      HasSubstr("not a path"));
}

TEST(CompileSeccompPolicyTest, OneFilterDoesWithoutArgumentDenials) {
  CompiledPolicy compiled = CompileOrDie(Parse(kRead));
  EXPECT_EQ(compiled.filters.size(), 1U);
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_seccomp, {1, 0})), "ENOSYS");
}

TEST(CompileSeccompPolicyTest, DeniedSeccompKeepsItsErrno) {
  CompiledPolicy compiled =
      CompileOrDie(Parse("allow { syscalls: 'write' reason: 'r' } deny { syscalls: 'seccomp' "
                         "reason: 'r' error: 'EACCES' } "
                         "deny_arguments { syscalls: 'write' reason: 'r' arguments { masked_equal "
                         "{ mask: 1 value: 1 } } }"));
  ASSERT_EQ(compiled.filters.size(), 2U);
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_seccomp, {1, 0})), "EACCES");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_write, {1})), "EPERM");
  EXPECT_EQ(AnswerTo(compiled, Call(SYS_write, {2})), "ALLOW");
}

TEST(CompileSeccompPolicyTest, RefusesAnInvalidPolicy) {
  EXPECT_FALSE(CompileSeccompPolicy(Parse("allow { syscalls: 'read' }")).ok());
}

}  // namespace
}  // namespace warren::testing
