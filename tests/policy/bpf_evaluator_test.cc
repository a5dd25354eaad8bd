#include "runtime/policy/bpf_evaluator.h"

#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

std::string Result(const std::vector<sock_filter>& filter, const seccomp_data& data) {
  auto action = EvaluateFilter(filter, data);
  return action.ok() ? absl::StrCat(*action) : std::string(action.status().message());
}

constexpr sock_filter kReturnAccumulator = BPF_STMT(BPF_RET | BPF_A, 0);

TEST(EvaluateFilterTest, LoadsTheWordsOfTheCall) {
  seccomp_data data = Call(SYS_ioctl, {0, 0x1122334455667788});
  auto word_at = [&](uint32_t offset) {
    return Result({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset), kReturnAccumulator}, data);
  };
  EXPECT_EQ(word_at(offsetof(seccomp_data, nr)), absl::StrCat(SYS_ioctl));
  EXPECT_EQ(word_at(offsetof(seccomp_data, arch)), absl::StrCat(AUDIT_ARCH_X86_64));
  EXPECT_EQ(word_at(offsetof(seccomp_data, args[1])), absl::StrCat(0x55667788));
  EXPECT_EQ(word_at(offsetof(seccomp_data, args[1]) + 4), absl::StrCat(0x11223344));
  EXPECT_EQ(word_at(sizeof(seccomp_data)), "BPF instruction 0: loads no word of seccomp_data");
  EXPECT_EQ(word_at(2), "BPF instruction 0: loads no word of seccomp_data");
}

TEST(EvaluateFilterTest, JumpsByComparison) {
  auto jump = [](uint16_t operation, uint32_t operand) {
    return Result(
        {BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_JUMP(BPF_JMP | operation | BPF_K, operand, 0, 1),
         BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 0)},
        Call(0));
  };
  EXPECT_EQ(jump(BPF_JEQ, 5), "1");
  EXPECT_EQ(jump(BPF_JEQ, 6), "0");
  EXPECT_EQ(jump(BPF_JGT, 4), "1");
  EXPECT_EQ(jump(BPF_JGT, 5), "0");
  EXPECT_EQ(jump(BPF_JGE, 5), "1");
  EXPECT_EQ(jump(BPF_JGE, 6), "0");
  EXPECT_EQ(jump(BPF_JSET, 4), "1");
  EXPECT_EQ(jump(BPF_JSET, 2), "0");
}

TEST(EvaluateFilterTest, ComputesAndRemembers) {
  EXPECT_EQ(
      Result({BPF_STMT(BPF_LD | BPF_IMM, 0xff), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x0f),
              BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_LDX | BPF_MEM, 3),
              BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), kReturnAccumulator},
             Call(0)),
      "16");
}

TEST(EvaluateFilterTest, RefusesProgramsThatTheKernelRefuses) {
  EXPECT_EQ(Result({}, Call(0)), "BPF instruction 0: the program ends without an answer");
  EXPECT_EQ(Result({BPF_STMT(BPF_LD | BPF_IMM, 5)}, Call(0)),
            "BPF instruction 1: the program ends without an answer");
  EXPECT_EQ(Result({BPF_STMT(BPF_JMP | BPF_JA, 1), kReturnAccumulator}, Call(0)),
            "BPF instruction 0: jumps out of the program");
  EXPECT_EQ(Result({BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), kReturnAccumulator}, Call(0)),
            "BPF instruction 0: jumps out of the program");
  EXPECT_EQ(Result({BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), kReturnAccumulator}, Call(0)),
            "BPF instruction 0: divides by zero");
  EXPECT_EQ(Result({BPF_STMT(BPF_ST, BPF_MEMWORDS), kReturnAccumulator}, Call(0)),
            "BPF instruction 0: stores outside the memory");
  EXPECT_EQ(Result({BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0), kReturnAccumulator}, Call(0)),
            "BPF instruction 0: a load that seccomp does not have");
}

std::vector<sock_filter> Always(uint32_t action) { return {BPF_STMT(BPF_RET | BPF_K, action)}; }

std::string Stacked(std::initializer_list<uint32_t> actions) {
  std::vector<std::vector<sock_filter>> filters;
  for (uint32_t action : actions) filters.push_back(Always(action));
  auto action = EvaluateFilters(filters, Call(0));
  return action.ok() ? ActionName(*action) : action.status().ToString();
}

TEST(EvaluateFiltersTest, TheStrictestWins) {
  EXPECT_EQ(Stacked({SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM}), "EPERM");
  EXPECT_EQ(Stacked({SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW}), "EPERM");
  EXPECT_EQ(Stacked({SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS}), "KILL_PROCESS");
  EXPECT_EQ(Stacked({SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | EPERM}), "KILL_PROCESS");
  EXPECT_EQ(Stacked({SECCOMP_RET_LOG, SECCOMP_RET_ALLOW}),
            absl::StrCat("0x", absl::Hex(SECCOMP_RET_LOG)));
}

TEST(EvaluateFiltersTest, AmongEqualsTheLastInstalledWins) {
  EXPECT_EQ(Stacked({SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | EPERM}), "EPERM");
  EXPECT_EQ(Stacked({SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS}), "ENOSYS");
}

}  // namespace
}  // namespace warren::testing
