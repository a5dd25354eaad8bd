#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "tests/tools/captured_output.h"
#include "tools/warren/process/leave_filter.h"
#include "tools/warren/process/process_renderer.h"
#include "tools/warren/process/process_text.h"
#include "tools/warren/process/signal_names.h"

namespace warren {
namespace {

TEST(LeaveFilter, LeavesAtTheBeginningOfALine) {
  LeaveFilter filter;
  EXPECT_EQ(filter.Take("ls\r~"), "ls\r");
  EXPECT_FALSE(filter.left());
  EXPECT_EQ(filter.Take(".rest"), "");
  EXPECT_TRUE(filter.left());
}

TEST(LeaveFilter, TheFirstKeyIsALinesBeginning) {
  LeaveFilter filter;
  EXPECT_EQ(filter.Take("~."), "");
  EXPECT_TRUE(filter.left());
}

TEST(LeaveFilter, ElsewhereATildeIsATilde) {
  LeaveFilter filter;
  EXPECT_EQ(filter.Take("cd ~.\r~/x\r~~\r"), "cd ~.\r~/x\r~\r");
  EXPECT_FALSE(filter.left());
}

TEST(ParseSignal, TakesNamesAndNumbers) {
  EXPECT_EQ(*ParseSignal("TERM"), 15);
  EXPECT_EQ(*ParseSignal("SIGKILL"), 9);
  EXPECT_EQ(*ParseSignal("int"), 2);
  EXPECT_EQ(*ParseSignal("64"), 64);
  for (const char* text : {"", "0", "65", "-9", "SIG", "NOPE"}) {
    EXPECT_FALSE(ParseSignal(text).ok()) << text;
  }
  for (absl::string_view name : absl::StrSplit(SignalChoices(), '|')) {
    EXPECT_TRUE(ParseSignal(name).ok()) << name;
  }
}

TEST(ProcessText, SaysHowItIsAndWhatItIs) {
  v1::Process process;
  process.add_arguments("echo");
  process.add_arguments("a\x1b[2J\nb");
  EXPECT_EQ(ProcessState(process), "running");
  EXPECT_EQ(CommandText(process), "echo a\\x1b[2J\\nb");
  process.mutable_termination()->set_kind(v1::Termination::EXITED);
  process.mutable_termination()->set_exit_code(3);
  process.set_arguments_cut(true);
  EXPECT_EQ(ProcessState(process), "exit 3");
  EXPECT_EQ(CommandText(process), "echo a\\x1b[2J\\nb …");
  process.mutable_termination()->set_kind(v1::Termination::TIMED_OUT);
  EXPECT_EQ(ProcessState(process), "timed out");
}

v1::ProcessEvent Piece(v1::ProcessEvent::Output::Stream stream, const std::string& data) {
  v1::ProcessEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data);
  return event;
}

v1::ProcessEvent Exited(v1::Termination::Kind kind, int code, const std::string& message) {
  v1::ProcessEvent event;
  v1::Termination& end = *event.mutable_exited()->mutable_termination();
  end.set_kind(kind);
  end.set_exit_code(code);
  end.set_message(message);
  return event;
}

class ProcessRendererTest : public ::testing::Test {
 protected:
  TextProcessRenderer Text() const {
    return TextProcessRenderer(out_.output(Output::Treatment::kEscape),
                               err_.output(Output::Treatment::kEscape));
  }
  std::vector<nlohmann::json> Lines() const {
    std::vector<nlohmann::json> lines;
    for (const std::string& line :
         std::vector<std::string>(absl::StrSplit(out_.text(), '\n', absl::SkipEmpty()))) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  CapturedOutput out_;
  CapturedOutput err_;
};

TEST_F(ProcessRendererTest, PipesAreEscapedAndATerminalIsRaw) {
  TextProcessRenderer renderer = Text();
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::STDOUT, "\x1b]0;x\n")).ok());
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::STDERR, "\x1b[2J\n")).ok());
  EXPECT_EQ(out_.text(), "\\x1b]0;x\n");
  EXPECT_EQ(err_.text(), "\\x1b[2J\n");
  out_.Clear();
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::TERMINAL, "\x1b[1mhi\r\n")).ok());
  EXPECT_EQ(out_.text(), "\x1b[1mhi\r\n");
}

TEST_F(ProcessRendererTest, AnExitCodeNeedsNoWords) {
  TextProcessRenderer renderer = Text();
  ASSERT_TRUE(renderer.OnEvent(Exited(v1::Termination::EXITED, 3, "")).ok());
  EXPECT_EQ(err_.text(), "");
  ASSERT_TRUE(renderer.OnEvent(Exited(v1::Termination::TIMED_OUT, 0, "after 2 s\x1b[0m")).ok());
  EXPECT_EQ(err_.text(), "warren: timed out: after 2 s\\x1b[0m\n");
}

TEST_F(ProcessRendererTest, JsonLosesNoByteAndSplitsNoCharacter) {
  JsonProcessRenderer renderer(out_.output(Output::Treatment::kRaw));
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::TERMINAL, "a\xe2\x82")).ok());
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::TERMINAL, "\xac\xff")).ok());
  ASSERT_TRUE(renderer.OnEvent(Piece(v1::ProcessEvent::Output::STDERR, "\xe2")).ok());
  ASSERT_TRUE(renderer.OnEvent(Exited(v1::Termination::KILLED, 0, "")).ok());
  std::vector<nlohmann::json> lines = Lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], (nlohmann::json{{"type", "terminal"}, {"text", "a"}}));
  EXPECT_EQ(lines[1]["base64"], "4oKs/w==");
  EXPECT_EQ(lines[2]["type"], "stderr");
  EXPECT_EQ(lines[2]["base64"], "4g==");
  EXPECT_EQ(lines[3]["type"], "exited");
  EXPECT_EQ(lines[3]["outcome"], "killed");
}

}  // namespace
}  // namespace warren
