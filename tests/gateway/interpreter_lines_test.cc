#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/interpreter/cell_lines.h"

namespace warren {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using v1::ExecutionEvent;
using v1::Termination;

// Each must be a line of JSON in ASCII.
std::vector<Json> Lines(const std::string& text) {
  std::vector<Json> lines;
  EXPECT_TRUE(text.empty() || text.back() == '\n');
  for (char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << text;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(Json::parse(std::string(line), nullptr, /*exceptions=*/false));
    EXPECT_TRUE(lines.back().is_object()) << line;
  }
  return lines;
}

ExecutionEvent OutputOf(ExecutionEvent::Output::Stream stream, const std::string& data) {
  ExecutionEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data);
  event.set_time_unix_nanos(1'700'000'000'123'456'789);
  return event;
}

std::vector<Json> AddEvent(CellLines& lines, ExecutionEvent event) {
  std::string text;
  lines.Add(std::move(event), text);
  return Lines(text);
}

Json Show(const std::map<std::string, std::string>& data) {
  ExecutionEvent event;
  event.mutable_display()->set_is_result(true);
  for (const auto& [type, bytes] : data) (*event.mutable_display()->mutable_data())[type] = bytes;
  CellLines lines;
  const auto said = AddEvent(lines, std::move(event));
  return said.size() == 1 ? said[0] : Json();
}

std::vector<Json> Finish(Termination::Kind kind, bool alive, int count) {
  ExecutionEvent event;
  event.mutable_finished()->mutable_termination()->set_kind(kind);
  event.mutable_finished()->mutable_termination()->set_context_alive(alive);
  event.mutable_finished()->mutable_termination()->set_message("what happened");
  event.mutable_finished()->set_execution_count(count);
  CellLines lines;
  return AddEvent(lines, std::move(event));
}

TEST(CellLinesTest, OutputIsTextWithItsTime) {
  CellLines lines;
  const auto out = AddEvent(lines, OutputOf(ExecutionEvent::Output::STDOUT, "a\nb\"\xc3\xa4"));
  EXPECT_THAT(out, ElementsAre(Json{{"type", "stdout"},
                                    {"text", "a\nb\"\xc3\xa4"},
                                    {"timestamp", "2023-11-14T22:13:20.123456Z"}}));
  EXPECT_EQ(AddEvent(lines, OutputOf(ExecutionEvent::Output::STDERR, "w"))[0]["type"], "stderr");
}

TEST(CellLinesTest, ACharacterMayComeInParts) {
  const std::string text = "x\xf0\x9f\x90\x87y\xe2\x82\xac";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    CellLines lines;
    std::string whole;
    for (const std::string& part : {text.substr(0, cut), text.substr(cut)}) {
      for (const Json& line : AddEvent(lines, OutputOf(ExecutionEvent::Output::STDOUT, part)))
        whole += line["text"].get<std::string>();
      // The other stream's are its own.
      EXPECT_EQ(AddEvent(lines, OutputOf(ExecutionEvent::Output::STDERR, "e"))[0]["text"], "e");
    }
    EXPECT_EQ(whole, text) << cut;
  }
}

TEST(CellLinesTest, WhatIsNoTextIsReplacedAndNotHeldForLong) {
  CellLines lines;
  EXPECT_EQ(AddEvent(lines, OutputOf(ExecutionEvent::Output::STDOUT, "a\xff"))[0]["text"],
            "a\xef\xbf\xbd");
  // A beginning that nothing follows comes with the end.
  EXPECT_TRUE(AddEvent(lines, OutputOf(ExecutionEvent::Output::STDOUT, "\xe2\x82")).empty());
  ExecutionEvent end;
  end.mutable_finished()->mutable_termination()->set_kind(Termination::EXITED);
  end.mutable_finished()->mutable_termination()->set_context_alive(true);
  const auto last = AddEvent(lines, std::move(end));
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0]["text"], "\xef\xbf\xbd");
  EXPECT_EQ(last[1], (Json{{"type", "end_of_execution"}}));
}

TEST(CellLinesTest, DisplaysHaveE2bsFields) {
  const Json shown =
      Show({{"text/plain", "'text'"},
            {"text/html", "<b>"},
            {"text/markdown", "# m"},
            {"image/svg+xml", "<svg/>"},
            {"image/png", "\x89PNG"},
            {"image/jpeg", "\xff\xd8"},
            {"application/pdf", "%PDF"},
            {"text/latex", "$x$"},
            {"application/json", "{\"a\":\n[1, 2.50, \"\xc3\xa4\xf0\x9f\x90\x87\"]}"},
            {"application/javascript", "f()"},
            {"application/vnd.warren.data+json", "{\"c\": [1]}"},
            {"application/vnd.warren.chart+json", "{\"type\": \"line\"}"},
            {"application/x-other", "\x01"},
            {"application/geo+json", "[]"},
            {"text/x-else", "e"}});
  EXPECT_EQ(shown, (Json{{"type", "result"},
                         {"is_main_result", true},
                         {"text", "text"},
                         {"html", "<b>"},
                         {"markdown", "# m"},
                         {"svg", "<svg/>"},
                         {"png", "iVBORw=="},
                         {"jpeg", "/9g="},
                         {"pdf", "JVBERg=="},
                         {"latex", "$x$"},
                         {"json", {{"a", {1, 2.5, "\xc3\xa4\xf0\x9f\x90\x87"}}}},
                         {"javascript", "f()"},
                         {"data", {{"c", {1}}}},
                         {"chart", {{"type", "line"}}},
                         {"extra",
                          {{"application/x-other", "AQ=="},
                           {"application/geo+json", Json::array()},
                           {"text/x-else", "e"}}}}));
}

TEST(CellLinesTest, OnlyWholeQuotesAreStripped) {
  for (const auto& [shown, told] : std::map<std::string, std::string>{{"'a'", "a"},
                                                                      {"\"it's\"", "it's"},
                                                                      {"'a\"", "'a\""},
                                                                      {"'", "'"},
                                                                      {"''", ""},
                                                                      {"[1]", "[1]"}}) {
    EXPECT_EQ(Show({{"text/plain", shown}})["text"], told);
  }
}

TEST(CellLinesTest, WhatIsNoJsonStaysText) {
  for (const char* text : {"{\"a\": NaN}", "{", "", "[1]\n[2]", "\"\xff\""})
    EXPECT_TRUE(Show({{"application/json", text}})["json"].is_string()) << text;
  EXPECT_EQ(Show({{"application/json", "\xef\xbb\xbf[1]"}})["json"], (Json{1}));
}

TEST(CellLinesTest, ADisplayThatChangesIsNotTold) {
  ExecutionEvent event;
  event.mutable_display()->set_update(true);
  (*event.mutable_display()->mutable_data())["text/plain"] = "again";
  CellLines lines;
  EXPECT_TRUE(AddEvent(lines, std::move(event)).empty());
}

TEST(CellLinesTest, ErrorsHaveTheirTraceback) {
  ExecutionEvent event;
  event.mutable_error()->set_name("ValueError");
  event.mutable_error()->set_value("v\xc3\xa4");
  event.mutable_error()->set_traceback("t\n");
  CellLines lines;
  EXPECT_THAT(AddEvent(lines, std::move(event)), ElementsAre(Json{{"type", "error"},
                                                                  {"name", "ValueError"},
                                                                  {"value", "v\xc3\xa4"},
                                                                  {"traceback", "t\n"}}));
}

TEST(CellLinesTest, TheEndSaysHowManyThereWere) {
  const Json count = {{"type", "number_of_executions"}, {"execution_count", 7}};
  const Json end = {{"type", "end_of_execution"}};
  EXPECT_THAT(Finish(Termination::EXITED, true, 7), ElementsAre(count, end));
  // The exception was told before.
  EXPECT_THAT(Finish(Termination::EXCEPTION, true, 7), ElementsAre(count, end));
  EXPECT_THAT(Finish(Termination::EXITED, true, 0), ElementsAre(end));
}

TEST(CellLinesTest, WhatEndedACellIsAnError) {
  const std::pair<Termination::Kind, bool> died[] = {
      {Termination::KILLED, false}, {Termination::EXITED, false}, {Termination::TIMED_OUT, false}};
  for (const auto& [kind, alive] : died) {
    const auto lines = Finish(kind, alive, 0);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], (Json{{"type", "error"},
                              {"name", "ContextRestarting"},
                              {"value", "what happened"},
                              {"traceback", ""}}));
  }
  EXPECT_EQ(Finish(Termination::OUTPUT_LIMIT, true, 1)[0]["name"], "OutputLimitError");
  EXPECT_EQ(Finish(Termination::TIMED_OUT, true, 1)[0]["name"], "TimeoutError");
}

}  // namespace
}  // namespace warren
