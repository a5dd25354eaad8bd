#include "tools/warren/exit_code.h"

#include <gtest/gtest.h>

namespace warren {
namespace {

v1::Termination Make(v1::Termination::Kind kind, int exit_code = 0, int signal = 0) {
  v1::Termination termination;
  termination.set_kind(kind);
  termination.set_exit_code(exit_code);
  termination.set_signal(signal);
  return termination;
}

int Code(const v1::Termination& termination) {
  return ExitCodeFor(termination, v1::ExecutionEvent::Error());
}

int CodeOfException(const std::string& name, const std::string& value) {
  v1::ExecutionEvent::Error error;
  error.set_name(name);
  error.set_value(value);
  return ExitCodeFor(Make(v1::Termination::EXCEPTION), error);
}

TEST(ExitCodeFor, SystemExitIsTheCodesOwnChoice) {
  EXPECT_EQ(CodeOfException("SystemExit", ""), 0);
  EXPECT_EQ(CodeOfException("SystemExit", "None"), 0);
  EXPECT_EQ(CodeOfException("SystemExit", "3"), 3);
  EXPECT_EQ(CodeOfException("SystemExit", "-1"), 255);
  EXPECT_EQ(CodeOfException("SystemExit", "no such file"), 1);
  EXPECT_EQ(CodeOfException("ValueError", "0"), 1);
}

TEST(ExitCodeFor, FollowsTheOutcome) {
  EXPECT_EQ(Code(Make(v1::Termination::EXITED)), 0);
  EXPECT_EQ(Code(Make(v1::Termination::EXITED, 7)), 7);
  EXPECT_EQ(Code(Make(v1::Termination::EXCEPTION)), 1);
  EXPECT_EQ(Code(Make(v1::Termination::TIMED_OUT)), 124);
  EXPECT_EQ(Code(Make(v1::Termination::OUT_OF_MEMORY)), 137);
  EXPECT_EQ(Code(Make(v1::Termination::OUTPUT_LIMIT)), 122);
  EXPECT_EQ(Code(Make(v1::Termination::CANCELLED)), 130);
  EXPECT_EQ(Code(Make(v1::Termination::KILLED, 0, 11)), 139);
  EXPECT_EQ(Code(Make(v1::Termination::KILLED)), 137);
  EXPECT_EQ(Code(Make(v1::Termination::POLICY_VIOLATION, 0, 31)), 121);
  EXPECT_EQ(Code(Make(v1::Termination::CPU_LIMIT)), 152);
}

TEST(ExitCodeFor, AnEndThatNobodyExplainedIsNoSuccess) {
  EXPECT_EQ(Code(Make(v1::Termination::KIND_UNSPECIFIED)), 125);
  EXPECT_EQ(Code(Make(static_cast<v1::Termination::Kind>(99))), 125);
}

}  // namespace
}  // namespace warren
