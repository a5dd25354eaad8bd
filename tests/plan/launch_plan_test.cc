// What holds for every plan, and plans that must not be.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/plan/plan_testing.h"

namespace warren::testing {
namespace {

using internal::MountOp;
using ::testing::HasSubstr;

internal::LaunchPlan PlanFor(const config::TemplateRecipe& recipe,
                             const internal::HostFacts& facts) {
  auto plan = MakeLaunchPlan(Spec(recipe), recipe, Policy(), facts);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *plan : internal::LaunchPlan();
}

int IndexOf(const internal::LaunchPlan& plan, MountOp::Kind kind, const std::string& target) {
  for (int i = 0; i < plan.mounts_size(); ++i) {
    if (plan.mounts(i).kind() == kind && plan.mounts(i).target() == target) return i;
  }
  return -1;
}

std::string Written(const internal::LaunchPlan& plan, const std::string& file) {
  for (const internal::CgroupWrite& write : plan.cgroup()) {
    if (write.file() == file) return write.value();
  }
  return "absent";
}

TEST(LaunchPlanTest, StepsComeInTheOrderThatTheyNeed) {
  for (const char* name : {"base", "data-science"}) {
    internal::LaunchPlan plan = PlanFor(Recipe(name), V1Host());
    ASSERT_GT(plan.mounts_size(), 10);
    EXPECT_EQ(plan.mounts(0).kind(), MountOp::PRIVATE) << "nothing may propagate";
    EXPECT_EQ(plan.mounts(plan.mounts_size() - 1).kind(), MountOp::PIVOT);
    int root = IndexOf(plan, MountOp::OVERLAY, "/newroot");
    int dev = IndexOf(plan, MountOp::ATTACH, "/newroot/dev");
    int proc = IndexOf(plan, MountOp::PROC, "/newroot/proc");
    int sysctl = IndexOf(plan, MountOp::READ_ONLY, "/newroot/proc/sys");
    EXPECT_LT(0, root);
    EXPECT_LT(root, dev);
    EXPECT_LT(dev, proc) << "masks bind the sandbox's own /dev/null";
    for (int i = 0; i < plan.mounts_size(); ++i) {
      const MountOp& op = plan.mounts(i);
      if (op.kind() == MountOp::MASK_FILE || op.kind() == MountOp::MASK_DIRECTORY) {
        EXPECT_GT(i, proc) << op.target();
      }
      if (op.kind() == MountOp::SYSCTL) {
        EXPECT_GT(i, proc) << op.target();
        EXPECT_LT(i, sysctl) << op.target();
      }
    }
  }
}

TEST(LaunchPlanTest, DirectoriesOfTheHostAreReadOnlyOverlaysOfTheirOwn) {
  config::TemplateRecipe recipe = Recipe("base");
  recipe.mutable_host()->add_directories("/opt/tools");
  internal::LaunchPlan plan = PlanFor(recipe, V1Host());
  for (const char* target : {"/newroot/usr", "/newroot/opt/tools"}) {
    int index = IndexOf(plan, MountOp::OVERLAY, target);
    ASSERT_GE(index, 0) << target;
    EXPECT_FALSE(absl::StrContains(plan.mounts(index).data(), "upperdir")) << target;
  }
  FdIndices fds = PlanFdIndices(recipe);
  EXPECT_EQ(fds.dev, 3);
  EXPECT_EQ(fds.worker, 4);
  EXPECT_EQ(plan.mounts(IndexOf(plan, MountOp::ATTACH, "/newroot/dev")).fd_index(), fds.dev);
}

TEST(LaunchPlanTest, UserAttributesAreUsedWhereTmpfsHasThem) {
  internal::HostFacts facts = V1Host();
  auto data = [&] {
    internal::LaunchPlan plan = PlanFor(Recipe("base"), facts);
    return plan.mounts(IndexOf(plan, MountOp::OVERLAY, "/newroot")).data();
  };
  EXPECT_THAT(data(), HasSubstr(",userxattr"));
  facts.set_tmpfs_user_xattr(false);
  EXPECT_THAT(data(), ::testing::Not(HasSubstr("userxattr")));
}

// The worker's where an interpreter starts in it, and the tools everywhere.
TEST(LaunchPlanTest, WarrensOwnFilesAreAttached) {
  config::TemplateRecipe recipe = Recipe("base");
  std::string target = absl::StrCat("/newroot", kWorkerDirectory);
  EXPECT_GT(IndexOf(PlanFor(recipe, V1Host()), MountOp::ATTACH, target), 0);
  recipe.set_start(config::TemplateRecipe::EXEC);
  EXPECT_GT(IndexOf(PlanFor(recipe, V1Host()), MountOp::ATTACH, target), 0);
}

TEST(LaunchPlanTest, SandboxesHideProcessesAndZygotesNeedThem) {
  internal::LaunchPlan plan = PlanFor(Recipe("base"), V1Host());
  EXPECT_EQ(plan.mounts(IndexOf(plan, MountOp::PROC, "/newroot/proc")).data(), "hidepid=invisible");
  for (const MountOp& op : ZygoteMounts(Recipe("base"), V1Host())) {
    if (op.kind() == MountOp::PROC) {
      EXPECT_EQ(op.data(), "");
    }
    // Its user namespace is the parent of every sandbox's: a quota there would be theirs too.
    EXPECT_NE(op.kind(), MountOp::SYSCTL) << op.target();
  }
}

TEST(LaunchPlanTest, SwapIsOffWhereItCanBeBounded) {
  internal::HostFacts v1_host = V1Host();
  internal::HostFacts v2_host = V2Host();
  std::string memory = Written(PlanFor(Recipe("base"), v1_host), "memory.limit_in_bytes");
  EXPECT_EQ(Written(PlanFor(Recipe("base"), v1_host), "memory.memsw.limit_in_bytes"), memory);
  EXPECT_EQ(Written(PlanFor(Recipe("base"), v2_host), "memory.swap.max"), "0");
  v1_host.set_swap_limit(false);
  EXPECT_EQ(Written(PlanFor(Recipe("base"), v1_host), "memory.memsw.limit_in_bytes"), "absent");
}

TEST(LaunchPlanTest, CpuIsAShareOfAPeriod) {
  config::TemplateRecipe recipe = Recipe("base");
  v1::Limits wanted;
  wanted.set_cpu_millis(1'024'000);
  auto plan = MakeLaunchPlan(Spec(recipe, wanted), recipe, Policy(), V2Host());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(Written(*plan, "cpu.max"), "102400000 100000");
  // The smallest that policies allow is the smallest that the kernel takes: 1 ms.
  wanted.set_cpu_millis(10);
  plan = MakeLaunchPlan(Spec(recipe, wanted), recipe, Policy(), V2Host());
  EXPECT_EQ(Written(*plan, "cpu.max"), "1000 100000");
}

TEST(LaunchPlanTest, UserCodeIsNotRootUnlessAskedFor) {
  internal::LaunchPlan plan = PlanFor(Recipe("base"), V1Host());
  EXPECT_EQ(plan.profile(), "user");
  EXPECT_THAT(plan.profiles(), ::testing::ElementsAre("user", "root"));
}

TEST(LaunchPlanTest, ATemplateGrantsProfiles) {
  config::TemplateRecipe recipe = Recipe("base");
  internal::SandboxSpec spec = Spec(recipe);
  spec.set_profile("root");
  auto plan = MakeLaunchPlan(spec, recipe, Policy(), V1Host());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->profile(), "root");
  EXPECT_EQ(*ProfileIndex(*plan, ""), 1);
  EXPECT_EQ(*ProfileIndex(*plan, "user"), 0);
  recipe.clear_profiles();
  EXPECT_THAT(GrantedProfiles(recipe), ::testing::ElementsAre("user"));
  absl::Status status = MakeLaunchPlan(spec, recipe, Policy(), V1Host()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("template base grants no profile \"root\"; there is: user"));
}

TEST(LaunchPlanTest, FailsClosedWithoutAController) {
  for (const char* controller : {"memory", "cpu", "pids"}) {
    for (internal::HostFacts facts : {V1Host(), V2Host()}) {
      facts.mutable_controllers()->erase(controller);
      absl::Status status =
          MakeLaunchPlan(Spec(Recipe("base")), Recipe("base"), Policy(), facts).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("no ", controller)));
      EXPECT_THAT(std::string(status.message()), HasSubstr("warren doctor"));
    }
  }
}

TEST(LaunchPlanTest, FailsClosedWhereSwapHasNoBound) {
  internal::HostFacts facts = V1Host();
  facts.set_swap_present(true);
  facts.set_swap_limit(false);
  absl::Status status =
      MakeLaunchPlan(Spec(Recipe("base")), Recipe("base"), Policy(), facts).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("swapaccount=1"));
}

TEST(LaunchPlanTest, RefusesWhatThePolicyDoesNotAllow) {
  const config::LimitsPolicy policy = Policy();
  using Change = void (*)(internal::SandboxSpec&, const config::LimitsPolicy&);
  const Change changes[] = {
      [](internal::SandboxSpec& spec, const config::LimitsPolicy& from) {
        spec.mutable_limits()->set_memory_bytes(from.maximum().memory_bytes() + 1);
      },
      [](internal::SandboxSpec& spec, const config::LimitsPolicy& from) {
        spec.mutable_limits()->set_pids(from.minimum().pids() - 1);
      },
      [](internal::SandboxSpec& spec, const config::LimitsPolicy&) {
        spec.mutable_limits()->set_disk_bytes(-1);
      },
      [](internal::SandboxSpec& spec, const config::LimitsPolicy&) { spec.set_profile("init"); },
      [](internal::SandboxSpec& spec, const config::LimitsPolicy&) {
        spec.set_sandbox_id("../up");
      },
  };
  for (const Change change : changes) {
    internal::SandboxSpec spec = Spec(Recipe("base"));
    change(spec, policy);
    absl::Status status = MakeLaunchPlan(spec, Recipe("base"), policy, V1Host()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << spec.ShortDebugString() << ": " << status;
  }
}

TEST(LaunchPlanTest, LimitsThatNobodyNamesAreTheTemplatesOrThePolicys) {
  config::TemplateRecipe recipe = Recipe("base");
  recipe.mutable_limits()->set_pids(77);
  auto plan = MakeLaunchPlan(Spec(recipe), recipe, Policy(), V1Host());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(Written(*plan, "pids.max"), "77");
  EXPECT_EQ(Written(*plan, "memory.limit_in_bytes"),
            absl::StrCat(Policy().defaults().memory_bytes()));
}

TEST(LaunchPlanTest, V1NeedsTheFreezer) {
  internal::HostFacts facts = V1Host();
  facts.mutable_controllers()->erase("freezer");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      MakeLaunchPlan(Spec(Recipe("base")), Recipe("base"), Policy(), facts).status()));
}

// ---- Limits that change

std::vector<std::string> FilesOf(const std::vector<LimitChange>& changes) {
  std::vector<std::string> files;
  for (const LimitChange& change : changes) files.push_back(change.write.file());
  return files;
}

TEST(LimitChangeTest, V1KeepsTheSumWithSwapAboveTheMemory) {
  v1::Limits small;
  small.set_memory_bytes(256 << 20);
  small.set_cpu_millis(1000);
  small.set_pids(100);
  v1::Limits large = small;
  large.set_memory_bytes(512 << 20);
  const internal::HostFacts facts = V1Host();
  auto raised = PlanLimitChange(small, large, facts);
  EXPECT_EQ(FilesOf(raised),
            (std::vector<std::string>{"memory.memsw.limit_in_bytes", "memory.limit_in_bytes"}));
  EXPECT_EQ(raised[0].write.value(), absl::StrCat(512 << 20));
  EXPECT_EQ(raised[0].undo.value(), absl::StrCat(256 << 20));
  EXPECT_EQ(FilesOf(PlanLimitChange(large, small, facts)),
            (std::vector<std::string>{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"}));
  EXPECT_TRUE(PlanLimitChange(small, small, facts).empty());
}

TEST(LimitChangeTest, OnlyWhatChangesIsWritten) {
  v1::Limits before;
  before.set_memory_bytes(256 << 20);
  before.set_cpu_millis(1000);
  before.set_pids(100);
  v1::Limits after = before;
  after.set_cpu_millis(250);
  after.set_pids(200);
  EXPECT_EQ(FilesOf(PlanLimitChange(before, after, V2Host())),
            (std::vector<std::string>{"cpu.max", "pids.max"}));
  EXPECT_EQ(FilesOf(PlanLimitChange(before, after, V1Host())),
            (std::vector<std::string>{"cpu.cfs_quota_us", "pids.max"}));
}

TEST(LaunchPlanTest, PipIsToldOfAnIndexWhereThereIsOne) {
  const std::string file = "/layer/up/etc/pip.conf";
  internal::HostFacts facts = V1Host();
  EXPECT_EQ(IndexOf(PlanFor(Recipe("base"), facts), MountOp::TEXT_FILE, file), -1);
  facts.set_package_index(true);
  const internal::LaunchPlan plan = PlanFor(Recipe("base"), facts);
  const int step = IndexOf(plan, MountOp::TEXT_FILE, file);
  ASSERT_GE(step, 0);
  EXPECT_THAT(plan.mounts(step).data(), HasSubstr("http://index.warren.internal/simple/"));
  // MountOp's bound.
  EXPECT_LE(plan.mounts(step).data().size(), 255u);
}

}  // namespace
}  // namespace warren::testing
