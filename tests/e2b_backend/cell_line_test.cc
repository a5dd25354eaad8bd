#include "supervisor/e2b/interpreter/cell_line.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/e2b/interpreter/line_splitter.h"

namespace warren {
namespace {

CellLine Read(absl::string_view line, v1::DisplayStyle style = v1::DISPLAY_STYLE_CODE_INTERPRETER) {
  auto read = ReadCellLine(line, style);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : CellNothing();
}

const v1::ExecutionEvent::Display& DisplayOf(const CellLine& line) {
  return std::get<v1::ExecutionEvent>(line).display();
}

TEST(CellLine, OutputErrorsCountsAndTheEnd) {
  const CellLine out = Read(R"({"type":"stdout","text":"h\u00e9\n","timestamp":"x"})");
  EXPECT_EQ(std::get<CellOutput>(out).text, "h\xc3\xa9\n");
  EXPECT_EQ(std::get<CellOutput>(out).stream, v1::ExecutionEvent::Output::STDOUT);
  EXPECT_EQ(std::get<CellOutput>(Read(R"({"type":"stderr","text":""})")).stream,
            v1::ExecutionEvent::Output::STDERR);
  const CellLine error =
      Read(R"({"type":"error","name":"ValueError","value":"no","traceback":"T"})");
  EXPECT_EQ(std::get<v1::ExecutionEvent>(error).error().name(), "ValueError");
  EXPECT_EQ(std::get<v1::ExecutionEvent>(error).error().traceback(), "T");
  EXPECT_EQ(
      std::get<CellCount>(Read(R"({"type":"number_of_executions","execution_count":3})")).count, 3);
  EXPECT_TRUE(std::holds_alternative<CellEnd>(Read(R"({"type":"end_of_execution"})")));
  EXPECT_TRUE(std::holds_alternative<CellNothing>(Read(R"({"type":"keepalive"})")));
  EXPECT_TRUE(std::holds_alternative<CellNothing>(Read(R"({"type":"of tomorrow"})")));
}

TEST(CellLine, EveryFormOfAResult) {
  const CellLine line = Read(
      R"({"type":"result","is_main_result":true,"text":"1","html":"<b>","png":"iVBORw==","json":{"a":1},)"
      R"("data":{"x":[1]},"chart":{"type":"line"},"pdf":"JVBERg==","extra":{"text/x-own":"o","bad type":"b"}})");
  const auto& data = DisplayOf(line).data();
  EXPECT_TRUE(DisplayOf(line).is_result());
  EXPECT_EQ(data.at("text/plain"), "1");
  EXPECT_EQ(data.at("text/html"), "<b>");
  EXPECT_EQ(data.at("image/png"), "\x89PNG");
  EXPECT_EQ(data.at("application/pdf"), "%PDF");
  EXPECT_EQ(data.at("application/json"), R"({"a":1})");
  EXPECT_EQ(data.at("application/vnd.warren.data+json"), R"({"x":[1]})");
  EXPECT_EQ(data.at("application/vnd.warren.chart+json"), R"({"type":"line"})");
  EXPECT_EQ(data.at("text/x-own"), "o");
  EXPECT_EQ(data.size(), 8u);
}

TEST(CellLine, WithoutTheStyleThereAreNoAdditions) {
  const CellLine list =
      Read(R"({"type":"result","text":"[1]","json":[1],"data":{},"chart":{},"extra":{}})",
           v1::DISPLAY_STYLE_JUPYTER);
  EXPECT_EQ(DisplayOf(list).data_size(), 1);
  const CellLine object =
      Read(R"({"type":"result","text":"<IPython.core.display.JSON object>","json":[1],"extra":{}})",
           v1::DISPLAY_STYLE_JUPYTER);
  EXPECT_EQ(DisplayOf(object).data().at("application/json"), "[1]");
}

TEST(CellLine, WhatMakesNoSenseIsAnError) {
  for (const char* line : {"", "[]", "1", "{", "{}x", R"({"type":)"}) {
    EXPECT_FALSE(ReadCellLine(line, v1::DISPLAY_STYLE_JUPYTER).ok()) << line;
  }
  EXPECT_FALSE(ReadCellLine(absl::string_view("{}\0{", 4), v1::DISPLAY_STYLE_JUPYTER).ok());
  std::string deep(1000, '[');
  EXPECT_FALSE(ReadCellLine(R"({"a":)" + deep, v1::DISPLAY_STYLE_JUPYTER).ok());
  const std::string large(5 << 20, 'a');
  EXPECT_FALSE(
      ReadCellLine(R"({"type":"result","text":")" + large + "\"}", v1::DISPLAY_STYLE_JUPYTER).ok());
}

TEST(LineSplitter, CutsWhereverItWasCut) {
  MemoryBudget memory(int64_t{64} << 20);
  for (size_t piece = 1; piece < 8; ++piece) {
    LineSplitter lines(&memory);
    const std::string text = "one\n\ntwo\nthree";
    std::vector<std::string> got;
    for (size_t at = 0; at < text.size(); at += piece) {
      ASSERT_TRUE(lines
                      .Add(absl::string_view(text).substr(at, piece),
                           [&](absl::string_view line) {
                             got.emplace_back(line);
                             return absl::OkStatus();
                           })
                      .ok());
    }
    EXPECT_EQ(got, (std::vector<std::string>{"one", "two"})) << piece;
    EXPECT_EQ(memory.used(), 5);
  }
  EXPECT_EQ(memory.used(), 0);
}

TEST(LineSplitter, ALineWithoutEndIsBounded) {
  MemoryBudget memory(int64_t{64} << 20);
  LineSplitter lines(&memory);
  const std::string piece(1 << 20, 'x');
  auto add = [&] { return lines.Add(piece, [](absl::string_view) { return absl::OkStatus(); }); };
  absl::Status status;
  for (int i = 0; i < 17 && status.ok(); ++i) status = add();
  EXPECT_TRUE(absl::IsInternal(status)) << status;
  MemoryBudget little(100);
  LineSplitter poor(&little);
  EXPECT_TRUE(absl::IsResourceExhausted(
      poor.Add(piece, [](absl::string_view) { return absl::OkStatus(); })));
}

}  // namespace
}  // namespace warren
