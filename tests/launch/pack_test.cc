// From plans to the structs of post-fork code: nothing oversize or unknown gets through.

#include "runtime/launch/launcher/pack.h"

#include <sys/resource.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

internal::MountOp Op(internal::MountOp::Kind kind, const std::string& target) {
  internal::MountOp op;
  op.set_kind(kind);
  op.set_target(target);
  return op;
}

internal::LaunchPlan Plan() {
  internal::LaunchPlan plan;
  plan.set_working_directory("/home/user");
  return plan;
}

LoadedProfile User() {
  LoadedProfile profile;
  profile.text.set_name("user");
  profile.process.uid = 1000;
  profile.process.gid = 1000;
  return profile;
}

class PackMountsTest : public ::testing::Test {
 protected:
  absl::Status Pack(const std::vector<internal::MountOp>& ops,
                    const std::string& hostname = "sandbox") {
    *setup_ = InitSetup();
    return PackMounts(ops, hostname, *setup_);
  }
  const char* Text(uint16_t offset) const { return setup_->strings + offset; }

  std::unique_ptr<InitSetup> setup_ = std::make_unique<InitSetup>();
};

TEST_F(PackMountsTest, EverythingArrivesInOrder) {
  internal::MountOp bind = Op(internal::MountOp::BIND, "/target");
  bind.set_source("/source");
  bind.set_data("data");
  bind.set_mode(01777);
  bind.set_fd_index(3);
  ASSERT_EQ(Pack({Op(internal::MountOp::PRIVATE, "/"), bind}), absl::OkStatus());
  EXPECT_STREQ(setup_->hostname, "sandbox");
  ASSERT_EQ(setup_->op_count, 2u);
  EXPECT_EQ(setup_->ops[0].kind, mount_op::kPrivate);
  EXPECT_STREQ(Text(setup_->ops[0].target), "/");
  EXPECT_STREQ(Text(setup_->ops[0].data), "");
  EXPECT_EQ(setup_->ops[1].kind, mount_op::kBind);
  EXPECT_STREQ(Text(setup_->ops[1].target), "/target");
  EXPECT_STREQ(Text(setup_->ops[1].source), "/source");
  EXPECT_STREQ(Text(setup_->ops[1].data), "data");
  EXPECT_EQ(setup_->ops[1].mode, 01777);
  EXPECT_EQ(setup_->ops[1].fd_index, 3);
  EXPECT_EQ(setup_->strings[setup_->string_bytes - 1], '\0');
}

TEST_F(PackMountsTest, StepsHaveABound) {
  std::vector<internal::MountOp> ops(kMaxSetupOps, Op(internal::MountOp::TMPFS, "/t"));
  EXPECT_EQ(Pack(ops), absl::OkStatus());
  ops.push_back(ops[0]);
  absl::Status status = Pack(ops);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("at most ", kMaxSetupOps)));
}

TEST_F(PackMountsTest, TextsHaveABound) {
  EXPECT_EQ(Pack({Op(internal::MountOp::TMPFS, std::string(255, 'x'))}), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(Pack({Op(internal::MountOp::TMPFS, std::string(256, 'x'))})));
  EXPECT_TRUE(absl::IsInvalidArgument(Pack({Op(internal::MountOp::TMPFS, std::string("a\0b", 3))})))
      << "what comes after the NUL would be lost";
  // All of them together.
  std::vector<internal::MountOp> ops(kMaxSetupOps,
                                     Op(internal::MountOp::TMPFS, std::string(200, 'x')));
  EXPECT_TRUE(absl::IsInvalidArgument(Pack(ops)));
}

TEST_F(PackMountsTest, TheBufferMayBeFilledToItsLastByte) {
  // An op takes its target with a NUL and two empty texts.
  std::vector<internal::MountOp> ops(kMaxSetupStrings / 128,
                                     Op(internal::MountOp::TMPFS, std::string(125, 'x')));
  ASSERT_LE(ops.size(), kMaxSetupOps);
  EXPECT_EQ(Pack(ops), absl::OkStatus());
  EXPECT_EQ(setup_->string_bytes, kMaxSetupStrings);
  ops.push_back(Op(internal::MountOp::TMPFS, ""));
  EXPECT_TRUE(absl::IsInvalidArgument(Pack(ops)));
}

TEST_F(PackMountsTest, HostNamesHaveABound) {
  EXPECT_EQ(Pack({}, std::string(63, 'h')), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(Pack({}, std::string(64, 'h'))));
}

TEST(PackExecTest, ArgumentsAndEnvironmentFollowEachOther) {
  auto setup = std::make_unique<InitSetup>();
  ASSERT_EQ(PackExec({"/bin/python", "-I"}, {"A=1"}, *setup), absl::OkStatus());
  EXPECT_EQ(setup->argument_count, 2u);
  EXPECT_EQ(setup->environment_count, 1u);
  EXPECT_EQ(std::memcmp(setup->exec_strings, "/bin/python\0-I\0A=1", 19), 0);
}

TEST(PackExecTest, TextsHaveABound) {
  auto setup = std::make_unique<InitSetup>();
  EXPECT_EQ(PackExec({std::string(kMaxExecStrings - 1, 'x')}, {}, *setup), absl::OkStatus());
  EXPECT_TRUE(absl::IsInvalidArgument(PackExec({std::string(kMaxExecStrings, 'x')}, {}, *setup)));
  EXPECT_TRUE(
      absl::IsInvalidArgument(PackExec({std::string(kMaxExecStrings - 1, 'x')}, {"y"}, *setup)));
}

TEST(PackJoinTest, ThePlanAndTheProfileArrive) {
  internal::LaunchPlan plan = Plan();
  internal::Rlimit* limit = plan.add_rlimits();
  limit->set_resource("NOFILE");
  limit->set_soft(10);
  limit->set_hard(20);
  LoadedProfile profile = User();
  profile.process.capabilities = 5;
  auto* own = profile.text.add_rlimits();
  own->set_resource("CORE");
  own->set_value(1);
  auto request = PackJoin(plan, profile, 7, 4);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->kind, kZygoteFork);
  EXPECT_EQ(request->context_id, 7u);
  EXPECT_EQ(request->magic, kSetupMagic);
  EXPECT_EQ(request->profile.uid, 1000u);
  EXPECT_EQ(request->profile.capabilities, 5u);
  EXPECT_EQ(request->landlock_abi, 4);
  EXPECT_STREQ(request->working_directory, "/home/user");
  ASSERT_EQ(request->rlimit_count, 2u);
  EXPECT_EQ(request->rlimits[0].resource, RLIMIT_NOFILE);
  EXPECT_EQ(request->rlimits[0].soft, 10u);
  EXPECT_EQ(request->rlimits[0].hard, 20u);
  EXPECT_EQ(request->rlimits[1].resource, RLIMIT_CORE);
  EXPECT_EQ(request->rlimits[1].hard, 1u);
}

// Whatever became of the profile's text on its way.
TEST(PackJoinTest, RootIsRefusedUnderAnotherName) {
  LoadedProfile profile = User();
  profile.process.uid = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(PackJoin(Plan(), profile, 1, 0).status()));
  profile.text.set_name("root");
  EXPECT_TRUE(PackJoin(Plan(), profile, 1, 0).ok());
}

TEST(PackJoinTest, UnknownResourcesAreRefusedByName) {
  internal::LaunchPlan plan = Plan();
  plan.add_rlimits()->set_resource("AS\n");
  absl::Status status = PackJoin(plan, User(), 1, 0).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("AS"));
}

TEST(PackJoinTest, ResourcesHaveABound) {
  internal::LaunchPlan plan = Plan();
  for (uint32_t i = 0; i < kMaxRlimits; ++i) plan.add_rlimits()->set_resource("CORE");
  EXPECT_TRUE(PackJoin(plan, User(), 1, 0).ok());
  plan.add_rlimits()->set_resource("CORE");
  EXPECT_TRUE(absl::IsInvalidArgument(PackJoin(plan, User(), 1, 0).status()));
}

TEST(PackJoinTest, TheWorkingDirectoryHasABound) {
  internal::LaunchPlan plan = Plan();
  plan.set_working_directory(std::string(127, '/'));
  EXPECT_TRUE(PackJoin(plan, User(), 1, 0).ok());
  plan.set_working_directory(std::string(128, '/'));
  EXPECT_TRUE(absl::IsInvalidArgument(PackJoin(plan, User(), 1, 0).status()));
}

}  // namespace
}  // namespace warren
