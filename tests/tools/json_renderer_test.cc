#include "tools/warren/json_renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "absl/strings/escaping.h"
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

TEST_F(JsonRendererTest, BytesThatAreNotUtf8AreBesideTheText) {
  FeedOutput(v1::ExecutionEvent::Output::STDOUT,
             "a\xff"
             "b\xe2");
  FeedOutput(v1::ExecutionEvent::Output::STDERR, "plain");
  FeedFinished();
  std::vector<json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0]["text"], "a\uFFFDb");
  EXPECT_EQ(lines[0]["base64"], "Yf9i");
  EXPECT_EQ(lines[1]["text"], "plain");
  EXPECT_FALSE(lines[1].contains("base64")) << "text is enough";
  EXPECT_EQ(lines[2]["type"], "stdout");
  EXPECT_EQ(lines[2]["text"], "\uFFFD");
  EXPECT_EQ(lines[2]["base64"], "4g==");
}

// Every byte of both streams, whatever the chunks that it came in.
TEST_F(JsonRendererTest, NothingIsLost) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  bytes += "€\U0001F407\uFFFD\x7f";
  bytes += bytes.substr(100) + "\xf0\x9f";
  for (size_t size : {1, 2, 3, 7, 500}) {
    out_.Clear();
    for (size_t at = 0; at < bytes.size(); at += size) {
      FeedOutput(v1::ExecutionEvent::Output::STDOUT, bytes.substr(at, size));
      FeedOutput(v1::ExecutionEvent::Output::STDERR, bytes.substr(at, size));
    }
    FeedFinished();
    std::map<std::string, std::string> got;
    for (const json& line : Lines()) {
      if (!line.contains("text")) continue;
      std::string part = line["text"];
      if (line.contains("base64")) {
        ASSERT_TRUE(absl::Base64Unescape(line["base64"].get<std::string>(), &part));
      }
      got[line["type"]] += part;
    }
    EXPECT_EQ(got["stdout"], bytes) << size;
    EXPECT_EQ(got["stderr"], bytes) << size;
  }
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

TEST_F(JsonRendererTest, TextOfADisplayThatIsNotUtf8IsBase64) {
  v1::ExecutionEvent event;
  auto& data = *event.mutable_display()->mutable_data();
  data["text/html"] = "<b>\xff</b>";
  data["text/plain"] = "€";
  Feed(event);
  json line = Lines()[0];
  EXPECT_EQ(line["data"]["text/html"], "PGI+/zwvYj4=");
  EXPECT_EQ(line["data"]["text/plain"], "€");
  EXPECT_EQ(line["base64"], json::array({"text/html"}));
}

TEST_F(JsonRendererTest, EveryKindOfEventIsTold) {
  v1::ExecutionEvent event;
  event.set_sequence(7);
  event.mutable_missed()->set_events(3);
  Feed(event);
  event.mutable_comm()->set_kind(v1::ExecutionEvent::Comm::OPEN);
  event.mutable_comm()->add_buffers("\xff");
  Feed(event);
  event.mutable_clear_output()->set_wait(true);
  Feed(event);
  event.mutable_input_request()->set_prompt("name?");
  Feed(event);
  event.mutable_output_file()->set_sha256("\xab\xcd");
  Feed(event);
  std::vector<json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_EQ(lines[0],
            (json{{"type", "missed"}, {"cell", 1}, {"sequence", 7}, {"events", 3}, {"bytes", 0}}));
  EXPECT_EQ(lines[1]["kind"], "open");
  EXPECT_EQ(lines[1]["buffers_base64"], json::array({"/w=="}));
  EXPECT_EQ(lines[2]["wait"], true);
  EXPECT_EQ(lines[3]["prompt"], "name?");
  EXPECT_EQ(lines[4]["sha256"], "abcd");
}

}  // namespace
}  // namespace warren
