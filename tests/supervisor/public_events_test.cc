#include "supervisor/session/public_events.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

TEST(FillExecuteTest, APlainCellIsItsCodeAlone) {
  warren::v1::ExecuteCodeRequest request;
  internal::WorkerExecute execute;
  FillExecute(request, &execute);
  EXPECT_EQ(execute.ByteSizeLong(), 0u);
  // The default, said: nothing of it goes to the worker.
  request.set_store_history(true);
  request.set_display_style(warren::v1::DISPLAY_STYLE_JUPYTER);
  FillExecute(request, &execute);
  EXPECT_EQ(execute.ByteSizeLong(), 0u);
}

TEST(FillExecuteTest, CarriesWhatWasAskedFor) {
  warren::v1::ExecuteCodeRequest request;
  request.set_silent(true);
  request.set_store_history(true);
  request.set_colors(true);
  request.set_display_style(warren::v1::DISPLAY_STYLE_CODE_INTERPRETER);
  (*request.mutable_user_expressions())["name"] = "1 + 1";
  internal::WorkerExecute execute;
  FillExecute(request, &execute);
  EXPECT_TRUE(execute.silent());
  EXPECT_TRUE(execute.store_history());
  EXPECT_TRUE(execute.colors());
  EXPECT_EQ(execute.display_style(), internal::WorkerExecute::CODE_INTERPRETER);
  ASSERT_EQ(execute.user_expressions_size(), 1);
  EXPECT_EQ(execute.user_expressions(0).name(), "name");
  EXPECT_EQ(execute.user_expressions(0).text(), "1 + 1");
  request.Clear();
  request.set_store_history(false);
  execute.Clear();
  FillExecute(request, &execute);
  EXPECT_TRUE(execute.has_store_history());
  EXPECT_FALSE(execute.store_history());
}

TEST(FillDisplayTest, CarriesAllAndCountsIt) {
  internal::WorkerDisplay display;
  display.add_parts()->set_mime_type("text/plain");
  display.mutable_parts(0)->set_data("\xff---");
  display.set_metadata_json("{}");
  display.set_display_id("\xff---");
  display.set_update(true);
  ExecutionEvent::Display out;
  EXPECT_EQ(FillDisplay(display, &out), 10u + 4u + 2u + 4u);
  EXPECT_EQ(out.data().at("text/plain"), "\uFFFD-");
  EXPECT_EQ(out.metadata_json(), "{}");
  EXPECT_EQ(out.display_id(), "\uFFFD---");
  EXPECT_TRUE(out.update());
  EXPECT_FALSE(out.is_result());
}

TEST(FillDisplayTest, NothingToShowIsZero) {
  internal::WorkerDisplay display;
  display.add_parts()->set_mime_type("no type");
  display.set_metadata_json("{}");
  ExecutionEvent::Display out;
  EXPECT_EQ(FillDisplay(display, &out), 0u);
}

TEST(FillCommTest, CarriesAll) {
  internal::WorkerComm comm;
  comm.set_kind(internal::WorkerComm::CLOSE);
  comm.set_comm_id("c\xff");
  comm.set_target_name("t");
  comm.set_data_json("{}");
  comm.add_buffers(std::string("\0\xff", 2));
  ExecutionEvent::Comm out;
  EXPECT_GT(FillComm(comm, &out), 6u);
  EXPECT_EQ(out.kind(), ExecutionEvent::Comm::CLOSE);
  EXPECT_TRUE(IsValidUtf8(out.comm_id()));
  EXPECT_EQ(out.buffers(0), std::string("\0\xff", 2));
}

TEST(FillErrorTest, CutsAndMendsTexts) {
  internal::WorkerError error;
  error.set_name(std::string(2000, 'n'));
  error.set_value("\xff");
  error.set_traceback(std::string(300 << 10, 't'));
  ExecutionEvent::Error out;
  FillError(error, &out);
  EXPECT_EQ(out.name().size(), 1024u);
  EXPECT_EQ(out.value(), "\uFFFD");
  EXPECT_EQ(out.traceback().size(), size_t{256} << 10);
}

TEST(FillExpressionValuesTest, GivesWhatWasAskedForAlone) {
  internal::WorkerDone done;
  auto* value = done.add_user_expressions();
  value->set_name("a");
  value->mutable_display()->add_parts()->set_mime_type("text/plain");
  value = done.add_user_expressions();
  value->set_name("b");
  value->mutable_error()->set_name("E");
  done.add_user_expressions()->set_name("forged\xff");
  Expressions asked;
  asked["a"] = asked["b"] = asked["c"] = "1";
  ExpressionValues out;
  FillExpressionValues(done, asked, &out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(out.at("a").has_display());
  EXPECT_EQ(out.at("b").error().name(), "E");
}

}  // namespace
}  // namespace warren
