#include "tools/warren/text_renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>
#include <filesystem>

#include "runtime/base/io.h"
#include "tests/tools/captured_output.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Usage = TextRenderer::UsageLines;

v1::ExecutionEvent Stdout(const std::string& data) {
  v1::ExecutionEvent event;
  event.mutable_output()->set_stream(v1::ExecutionEvent::Output::STDOUT);
  event.mutable_output()->set_data(data);
  return event;
}

v1::ExecutionEvent Result(const std::string& mime, const std::string& data) {
  v1::ExecutionEvent event;
  event.mutable_display()->set_is_result(true);
  (*event.mutable_display()->mutable_data())[mime] = data;
  return event;
}

v1::ExecutionEvent Finished(v1::Termination::Kind kind, const std::string& message) {
  v1::ExecutionEvent event;
  event.mutable_finished()->mutable_termination()->set_kind(kind);
  event.mutable_finished()->mutable_termination()->set_message(message);
  event.mutable_finished()->mutable_usage()->set_peak_memory_bytes(10 << 20);
  return event;
}

class TextRendererTest : public ::testing::Test {
 protected:
  TextRenderer Make(Output::Treatment treatment, Usage usage) const {
    return TextRenderer(out_.output(treatment), err_.output(treatment), std::nullopt, usage);
  }

  CapturedOutput out_;
  CapturedOutput err_;
};

TEST_F(TextRendererTest, RawBytesPassUnchanged) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  ASSERT_TRUE(renderer.OnEvent(1, Stdout("\x1b[31m\xff\xe2")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Finished(v1::Termination::EXITED, "")).ok());
  EXPECT_EQ(out_.text(), "\x1b[31m\xff\xe2");
  EXPECT_EQ(err_.text(), "");
}

TEST_F(TextRendererTest, ATerminalGetsNoControlSequence) {
  TextRenderer renderer = Make(Output::Treatment::kEscape, Usage::kHide);
  ASSERT_TRUE(renderer.OnEvent(1, Stdout("\x1b]0;title\x07 \xe2\x82")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Stdout("\xac\n")).ok());
  v1::ExecutionEvent error;
  error.mutable_error()->set_traceback("Traceback\n\x1b[2J");
  ASSERT_TRUE(renderer.OnEvent(1, error).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Result("text/plain", "'\x1b'")).ok());
  EXPECT_EQ(out_.text(), "\\x1b]0;title\\x07 €\n'\\x1b'\n");
  EXPECT_EQ(err_.text(), "Traceback\n\\x1b[2J\n");
}

TEST_F(TextRendererTest, AResultStartsOnALineOfItsOwn) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  ASSERT_TRUE(renderer.OnEvent(1, Stdout("no newline")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Result("text/plain", "42")).ok());
  EXPECT_EQ(out_.text(), "no newline\n42\n");
}

TEST_F(TextRendererTest, ADisplayWithoutTextIsNamed) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  ASSERT_TRUE(renderer.OnEvent(1, Result("image/png", "12345")).ok());
  EXPECT_EQ(out_.text(), "<image/png, 5 B>\n");
}

TEST_F(TextRendererTest, AnEndThatIsNoSuccessIsSaid) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kShow);
  ASSERT_TRUE(renderer.OnEvent(2, Finished(v1::Termination::TIMED_OUT, "after\x1b 1 s")).ok());
  EXPECT_THAT(err_.text(), HasSubstr("warren: cell 2: timed out: after\\x1b 1 s\n"));
  EXPECT_THAT(err_.text(), HasSubstr("peak memory 10.0 MiB"));
}

TEST_F(TextRendererTest, UsageShowsWhereTheSandboxCameFrom) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kShow);
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id("sb1");
  auto* stage = sandbox.add_stages();
  stage->set_stage("clone");
  stage->mutable_duration()->set_nanos(1'500'000);
  ASSERT_TRUE(renderer.OnSandbox(sandbox, absl::Milliseconds(9)).ok());
  EXPECT_EQ(err_.text(), "warren: sandbox sb1, made on demand, ready after 9.0 ms: clone 1.5 ms\n");
}

TEST_F(TextRendererTest, SysExitIsNoTraceback) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  v1::ExecutionEvent event;
  event.mutable_error()->set_name("SystemExit");
  event.mutable_error()->set_value("3");
  event.mutable_error()->set_traceback("An exception has occurred");
  ASSERT_TRUE(renderer.OnEvent(1, event).ok());
  EXPECT_EQ(err_.text(), "");
  event.mutable_error()->set_value("cannot find x");
  ASSERT_TRUE(renderer.OnEvent(1, event).ok());
  EXPECT_EQ(err_.text(), "cannot find x\n");
}

TEST_F(TextRendererTest, AHintFollowsTheTraceback) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  v1::ExecutionEvent event;
  event.mutable_error()->set_name("ModuleNotFoundError");
  event.mutable_error()->set_traceback("Traceback");
  event.mutable_error()->set_hint("take another\x1b");
  ASSERT_TRUE(renderer.OnEvent(1, event).ok());
  EXPECT_EQ(err_.text(), "Traceback\nwarren: take another\\x1b\n");
}

TEST_F(TextRendererTest, AClosedPipeIsReported) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe = *MakePipe();
  pipe.read_end.reset();
  TextRenderer renderer(Output(pipe.write_end.get(), Output::Treatment::kRaw),
                        err_.output(Output::Treatment::kRaw), std::nullopt, Usage::kHide);
  EXPECT_TRUE(absl::IsUnavailable(renderer.OnEvent(1, Stdout("x"))));
}

TEST_F(TextRendererTest, SavesPicturesUnderNamesOfItsOwn) {
  char name[] = "/tmp/warren-saved-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  std::string directory = std::string(name) + "/new";
  TextRenderer renderer(out_.output(Output::Treatment::kRaw), err_.output(Output::Treatment::kRaw),
                        *SavedDisplays::Create(directory), Usage::kHide);
  ASSERT_TRUE(renderer.OnEvent(1, Result("text/plain", "7")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Result("image/png", "PNG")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Result("image/../../x", "no")).ok());
  ASSERT_TRUE(renderer.OnEvent(1, Result("text/html", "<p>")).ok());
  EXPECT_EQ(*ReadFile(directory + "/figure-1.png"), "PNG");
  EXPECT_EQ(*ReadFile(directory + "/figure-2.html"), "<p>");
  EXPECT_THAT(err_.text(), HasSubstr("wrote " + directory + "/figure-1.png"));
  EXPECT_THAT(err_.text(), Not(HasSubstr("figure-3")));
  std::filesystem::remove_all(name);
}

TEST_F(TextRendererTest, SavingFollowsNoSymbolicLink) {
  char name[] = "/tmp/warren-saved-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  std::string directory = name;
  std::filesystem::create_symlink(directory + "/elsewhere", directory + "/figure-1.png");
  SavedDisplays saved = *SavedDisplays::Create(directory);
  EXPECT_FALSE(saved.Save(Result("image/png", "PNG").display()).ok());
  EXPECT_FALSE(std::filesystem::exists(directory + "/elsewhere"));
  std::filesystem::remove_all(name);
}

TEST_F(TextRendererTest, WhatWasMissedIsToldAndADetachedRunIsItsId) {
  TextRenderer renderer = Make(Output::Treatment::kRaw, Usage::kHide);
  v1::ExecutionEvent event;
  event.mutable_missed()->set_events(12);
  event.mutable_missed()->set_bytes(2048);
  ASSERT_TRUE(renderer.OnEvent(1, event).ok());
  EXPECT_THAT(err_.text(), HasSubstr("12 events before this, 2.0 KiB of output"));
  v1::ExecutionEvent::Started started;
  started.set_execution_id("e1\x1b");
  ASSERT_TRUE(renderer.OnDetached(started).ok());
  EXPECT_EQ(out_.text(), "e1\\x1b\n");
}

}  // namespace
}  // namespace warren
