// What an agent says, hostile or cut: an error or a report, and nothing that the launcher acts on
// unseen.

#include <cstring>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/launch/launcher/agent_process.h"

namespace warren {
namespace {

std::string Bytes(AgentReportKind kind) {
  AgentReport report;
  report.kind = kind;
  report.process_id = 7;
  report.wait_status = 256;
  return std::string(reinterpret_cast<const char*>(&report), sizeof(report));
}

TEST(AgentReportTest, FieldsArrive) {
  auto report = AgentProcess::Parse(Bytes(AgentReportKind::kExited));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->kind, AgentReportKind::kExited);
  EXPECT_EQ(report->process_id, 7u);
  EXPECT_EQ(report->wait_status, 256);
}

TEST(AgentReportTest, WhatIsCutOrOfNoKnownKindEndsIt) {
  const std::string whole = Bytes(AgentReportKind::kReady);
  EXPECT_TRUE(absl::IsNotFound(AgentProcess::Parse("").status()));
  for (size_t size = 1; size < whole.size(); ++size)
    EXPECT_TRUE(absl::IsAborted(AgentProcess::Parse(whole.substr(0, size)).status())) << size;
  for (uint32_t kind : {0u, 4u, 0xffffffffu}) {
    EXPECT_TRUE(
        absl::IsAborted(AgentProcess::Parse(Bytes(static_cast<AgentReportKind>(kind))).status()));
  }
}

TEST(AgentReportTest, GarbageIsAReportOrAnError) {
  std::mt19937 random(5);
  for (int round = 0; round < 10000; ++round) {
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    auto report = AgentProcess::Parse(bytes);
    if (report.ok()) {
      EXPECT_EQ(bytes.size(), sizeof(AgentReport));
    }
  }
}

}  // namespace
}  // namespace warren
