// What an agent takes of its sandbox's memory, by the kernel's account.
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/e2e/harness.h"
#include "tests/support/patience.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

// As promised: all that the controller counts, with page tables, stacks and the kernel's own.
constexpr int64_t kMostOfAnAgent = 3 << 19;  // 1.5 MiB

class AgentCostTest : public ServerTest {
 protected:
  // Bytes charged to the sandbox; -1 where they cannot be read.
  static int64_t Charged(const TestSandbox& sandbox) {
    for (const std::string& cgroup : server().Cgroups()) {
      if (std::filesystem::path(cgroup).filename() != sandbox.id()) continue;
      for (const char* name : {"/memory.usage_in_bytes", "/memory.current"}) {
        int64_t bytes = 0;
        if (std::ifstream(cgroup + name) >> bytes) return bytes;
      }
    }
    return -1;
  }

  // To its end.
  static grpc::Status RunInSandbox(v1::StartProcessRequest request, const TestSandbox& sandbox) {
    request.set_sandbox_id(sandbox.id());
    auto stub = v1::ProcessService::NewStub(server().channel());
    grpc::ClientContext context;
    auto reader = stub->StartProcess(&context, request);
    v1::ProcessEvent event;
    while (reader->Read(&event)) {
    }
    return reader->Finish();
  }
};

TEST_F(AgentCostTest, AnAgentAtRestTakesNoMoreThanIsPromised) {
  TestSandbox sandbox(server());
  // What a first cell takes is there before.
  ASSERT_EQ(sandbox.Execute("1 + 1").kind(), v1::Termination::EXITED);
  const int64_t before = Charged(sandbox);
  ASSERT_GT(before, 0);
  v1::StartProcessRequest command;
  command.add_arguments("true");
  ASSERT_TRUE(RunInSandbox(command, sandbox).ok());
  EXPECT_TRUE(Eventually([&] { return Charged(sandbox) - before <= kMostOfAnAgent; }))
      << Charged(sandbox) - before;
  // One that has moved much holds no more: its buffers are given back.
  v1::StartProcessRequest loud;
  for (const char* argument : {"sh", "-c", "head -c 4000000 /dev/zero | tr '\\0' x"})
    loud.add_arguments(argument);
  loud.mutable_terminal()->set_rows(24);
  loud.mutable_terminal()->set_columns(80);
  ASSERT_TRUE(RunInSandbox(loud, sandbox).ok());
  EXPECT_TRUE(Eventually([&] { return Charged(sandbox) - before <= kMostOfAnAgent; }))
      << Charged(sandbox) - before;
  RecordProperty("agent_bytes", std::to_string(Charged(sandbox) - before));
}

}  // namespace
}  // namespace warren
