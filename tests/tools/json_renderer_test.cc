#include "tools/warren/json_renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_split.h"
#include "tests/tools/captured_output.h"

namespace warren {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::SizeIs;

class JsonRendererTest : public ::testing::Test {
 protected:
  JsonRendererTest() : renderer_(out_.output(Output::Treatment::kRaw), std::nullopt) {}

  void Feed(const v1::ExecutionEvent& event) { ASSERT_TRUE(renderer_.OnEvent(1, event).ok()); }
  void FeedOutput(v1::ExecutionEvent::Output::Stream stream, const std::string& data) {
    v1::ExecutionEvent event;
    event.mutable_output()->set_stream(stream);
    event.mutable_output()->set_data(data);
    Feed(event);
  }
  void FeedFinished() {
    v1::ExecutionEvent event;
    event.mutable_finished()->mutable_termination()->set_kind(v1::Termination::EXITED);
    event.mutable_finished()->mutable_usage()->mutable_wall()->set_nanos(500'000'000);
    Feed(event);
  }
  std::vector<json> Lines() const {
    std::vector<json> lines;
    for (const std::string& line :
         std::vector<std::string>(absl::StrSplit(out_.text(), '\n', absl::SkipEmpty()))) {
      lines.push_back(json::parse(line));
    }
    return lines;
  }

  CapturedOutput out_;
  JsonRenderer renderer_;
};

TEST_F(JsonRendererTest, OneObjectALine) {
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id("sb1");
  sandbox.set_from_pool(true);
  ASSERT_TRUE(renderer_.OnSandbox(sandbox, absl::Milliseconds(2)).ok());
  FeedOutput(v1::ExecutionEvent::Output::STDOUT, "a\nb\n");
  FeedFinished();
  std::vector<json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0]["type"], "sandbox");
  EXPECT_EQ(lines[0]["create_s"], 0.002);
  EXPECT_EQ(lines[1]["text"], "a\nb\n");
  EXPECT_EQ(lines[1]["cell"], 1);
  EXPECT_EQ(lines[2]["outcome"], "exited");
  EXPECT_EQ(lines[2]["usage"]["wall_s"], 0.5);
}

TEST_F(JsonRendererTest, ASplitCharacterArrivesWhole) {
  FeedOutput(v1::ExecutionEvent::Output::STDOUT, "\xe2\x82");
  FeedOutput(v1::ExecutionEvent::Output::STDERR, "err");
  FeedOutput(v1::ExecutionEvent::Output::STDOUT, "\xac");
  std::vector<json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0]["text"], "err");
  EXPECT_EQ(lines[1]["text"], "€");
}

TEST_F(JsonRendererTest, InvalidUtf8IsReplacedAndNothingIsLost) {
  FeedOutput(v1::ExecutionEvent::Output::STDOUT,
             "a\xff"
             "b\xe2");
  FeedFinished();
  std::vector<json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0]["text"], "a\uFFFDb");
  EXPECT_EQ(lines[1]["text"], "\uFFFD");
}

TEST_F(JsonRendererTest, LinesAreHarmlessOnATerminal) {
  FeedOutput(v1::ExecutionEvent::Output::STDOUT, "\x1b[2J\x7f\xc2\x9b\u202e");
  std::string text = out_.text();
  text.pop_back();  // its newline
  EXPECT_THAT(text, Each(::testing::AllOf(::testing::Ge(' '), ::testing::Le('~'))));
  EXPECT_EQ(Lines()[0]["text"], "\x1b[2J\x7f\xc2\x9b\u202e");
}

TEST_F(JsonRendererTest, AnErrorCarriesItsHint) {
  v1::ExecutionEvent event;
  event.mutable_error()->set_name("ModuleNotFoundError");
  event.mutable_error()->set_hint("take another");
  Feed(event);
  json line = Lines()[0];
  EXPECT_EQ(line["name"], "ModuleNotFoundError");
  EXPECT_EQ(line["hint"], "take another");
}

TEST_F(JsonRendererTest, BinaryDisplaysAreBase64) {
  v1::ExecutionEvent event;
  auto& data = *event.mutable_display()->mutable_data();
  data["image/png"] = std::string("\x89PNG\0", 5);
  data["image/svg+xml"] = "<svg/>";
  data["text/plain"] = "figure";
  Feed(event);
  json line = Lines()[0];
  EXPECT_EQ(line["data"]["image/png"], "iVBORwA=");
  EXPECT_EQ(line["data"]["image/svg+xml"], "<svg/>");
  EXPECT_EQ(line["base64"], json::array({"image/png"}));
}

}  // namespace
}  // namespace warren
