#include "runtime/control/worker_event.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/control/json_check.h"

namespace warren {
namespace {

using internal::WorkerDone;
using internal::WorkerEvent;

absl::Status Parse(const WorkerEvent& event) {
  WorkerEvent parsed;
  return ParseWorkerEvent(event.SerializeAsString(), &parsed);
}

TEST(ParseOutputFrameTest, SeesWhatProtobufSees) {
  for (uint64_t id : {uint64_t{0}, uint64_t{1}, uint64_t{300}, ~uint64_t{0}}) {
    WorkerEvent event;
    event.set_execution_id(id);
    event.set_stderr_data("some output");
    const std::string frame = event.SerializeAsString();
    auto output = ParseOutputFrame(frame);
    ASSERT_TRUE(output.has_value()) << id;
    EXPECT_EQ(output->execution_id, id);
    EXPECT_EQ(output->stream, WorkerEvent::kStderrData);
    EXPECT_EQ(output->data, "some output");
  }
}

TEST(ParseOutputFrameTest, LeavesEverythingElseToProtobuf) {
  WorkerEvent done;
  done.set_execution_id(1);
  done.mutable_done()->set_outcome(WorkerDone::OK);
  EXPECT_FALSE(ParseOutputFrame(done.SerializeAsString()).has_value());

  WorkerEvent output;
  output.set_stdout_data("x");
  const std::string good = output.SerializeAsString();
  EXPECT_FALSE(ParseOutputFrame(good + "\x08\x01").has_value()) << "fields behind the output";
  EXPECT_FALSE(ParseOutputFrame(good.substr(0, good.size() - 1)).has_value()) << "cut short";
  EXPECT_FALSE(ParseOutputFrame("").has_value());
  EXPECT_FALSE(ParseOutputFrame("\x08").has_value());
  EXPECT_FALSE(ParseOutputFrame("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").has_value());
  output.set_stdout_data(std::string((64 << 10) + 1, 'x'));
  EXPECT_FALSE(ParseOutputFrame(output.SerializeAsString()).has_value());
}

TEST(ParseWorkerEventTest, BoundsOutput) {
  WorkerEvent event;
  event.set_stdout_data(std::string(64 << 10, 'x'));
  EXPECT_TRUE(Parse(event).ok());
  event.set_stdout_data(std::string((64 << 10) + 1, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(Parse(event)));
}

TEST(ParseWorkerEventTest, BoundsDisplays) {
  WorkerEvent event;
  for (int i = 0; i < 64; ++i)
    event.mutable_display()->add_parts()->set_mime_type(std::string(128, 'm'));
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_display()->mutable_parts(0)->set_mime_type(std::string(129, 'm'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_display()->mutable_parts(0)->clear_mime_type();
  event.mutable_display()->add_parts();
  EXPECT_FALSE(Parse(event).ok());
}

std::string Nested(int depth) {
  std::string json;
  for (int i = 1; i < depth; ++i) absl::StrAppend(&json, "{\"a\":");
  return absl::StrCat(json, "{}", std::string(static_cast<size_t>(depth - 1), '}'));
}

TEST(JsonTest, IsOneObjectOfBoundedDepth) {
  for (const char* good : {"{}", " {\"a\": [1, -2.5e3, \"\\u00e4\", true, null, {\"b\": []}]} "}) {
    EXPECT_TRUE(IsJsonObject(good)) << good;
  }
  for (const char* bad : {"", "[]", "1", "\"a\"", "null", "{", "{}{}", "{} x", "{a: 1}", "{'a': 1}",
                          "{\"a\": NaN}", "{\"a\": 1,}", "{\"a\": \"\xff\"}",
                          "{\"a\": \"\\ud800\"}", "{\"a\": 1e999}", "// {}\n{}"}) {
    EXPECT_FALSE(IsJsonObject(bad)) << bad;
  }
  EXPECT_FALSE(IsJsonObject(absl::string_view("{}\0behind", 9)));
  EXPECT_TRUE(IsJsonObject(Nested(kMaxJsonDepth)));
  EXPECT_FALSE(IsJsonObject(Nested(kMaxJsonDepth + 1)));
  EXPECT_FALSE(IsJsonObject(std::string(1 << 20, '['))) << "no stack is used up for it";
  EXPECT_FALSE(IsJsonObject(absl::StrCat("{\"a\":", std::string(1 << 20, '['))));
}

TEST(ParseWorkerEventTest, BoundsMetadataAndIds) {
  WorkerEvent event;
  event.mutable_display()->set_metadata_json("{\"a\":1}");
  event.mutable_display()->set_display_id(std::string(256, 'i'));
  WorkerEvent parsed;
  ASSERT_TRUE(ParseWorkerEvent(event.SerializeAsString(), &parsed).ok());
  EXPECT_EQ(parsed.display().metadata_json(), "{\"a\":1}");
  event.mutable_display()->set_metadata_json("[1]");
  ASSERT_TRUE(ParseWorkerEvent(event.SerializeAsString(), &parsed).ok());
  EXPECT_EQ(parsed.display().metadata_json(), "") << "no object";
  event.mutable_display()->set_metadata_json(std::string((64 << 10) + 1, ' '));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_display()->clear_metadata_json();
  event.mutable_display()->set_display_id(std::string(257, 'i'));
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, BoundsExpressionValues) {
  WorkerEvent event;
  WorkerDone& done = *event.mutable_done();
  done.set_outcome(WorkerDone::OK);
  for (int i = 0; i < 64; ++i) done.add_user_expressions()->set_name(std::string(128, 'n'));
  EXPECT_TRUE(Parse(event).ok());
  done.mutable_user_expressions(0)->set_name(std::string(129, 'n'));
  EXPECT_FALSE(Parse(event).ok());
  done.mutable_user_expressions(0)->clear_name();
  done.mutable_user_expressions(1)->mutable_error()->set_value(std::string(1 << 20, 'v'));
  EXPECT_FALSE(Parse(event).ok());
  done.mutable_user_expressions(1)->clear_error();
  done.mutable_user_expressions(1)->mutable_display()->set_display_id(std::string(257, 'i'));
  EXPECT_FALSE(Parse(event).ok());
  done.mutable_user_expressions(1)->clear_display();
  done.add_user_expressions();
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, BoundsComms) {
  WorkerEvent event;
  auto& comm = *event.mutable_comm();
  EXPECT_FALSE(Parse(event).ok()) << "no kind";
  comm.set_kind(internal::WorkerComm::OPEN);
  comm.set_comm_id(std::string(256, 'i'));
  comm.set_target_name(std::string(256, 't'));
  comm.set_data_json("{\"a\": 1} and more");
  for (int i = 0; i < 64; ++i) comm.add_buffers(std::string(1, 'b'));
  WorkerEvent parsed;
  ASSERT_TRUE(ParseWorkerEvent(event.SerializeAsString(), &parsed).ok());
  EXPECT_EQ(parsed.comm().data_json(), "");
  comm.set_comm_id(std::string(257, 'i'));
  EXPECT_FALSE(Parse(event).ok());
  comm.clear_comm_id();
  comm.set_target_name(std::string(257, 't'));
  EXPECT_FALSE(Parse(event).ok());
  comm.clear_target_name();
  comm.add_buffers(std::string(8, 'b'));
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, BoundsAnswers) {
  WorkerEvent event;
  event.mutable_input_request()->set_prompt(std::string(64 << 10, 'p'));
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_input_request()->set_prompt(std::string((64 << 10) + 1, 'p'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_complete_reply()->add_matches(std::string(4096, 'm'));
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_complete_reply()->add_matches(std::string(4097, 'm'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_complete_reply()->clear_matches();
  for (int i = 0; i < 4097; ++i) event.mutable_complete_reply()->add_matches(std::string(1, 'm'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_inspect_reply()->mutable_display()->set_display_id(std::string(257, 'i'));
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_is_complete_reply();
  EXPECT_FALSE(Parse(event).ok()) << "no status";
  event.mutable_is_complete_reply()->set_status(internal::WorkerIsCompleteReply::INCOMPLETE);
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_is_complete_reply()->set_indent(std::string(1025, ' '));
  EXPECT_FALSE(Parse(event).ok());
  for (int i = 0; i < 4097; ++i) event.mutable_history_reply()->add_entries();
  EXPECT_FALSE(Parse(event).ok());
  event.mutable_unimplemented()->set_what(std::string(129, 'x'));
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, AnOutputFileHasADigestOrAnError) {
  WorkerEvent event;
  internal::WorkerOutputFile& file = *event.mutable_output_file();
  file.set_path(absl::StrCat("/", std::string(4094, 'p')));
  EXPECT_FALSE(Parse(event).ok()) << "neither";
  file.set_sha256(std::string(31, 'd'));
  EXPECT_FALSE(Parse(event).ok());
  file.set_sha256(std::string(32, 'd'));
  EXPECT_TRUE(Parse(event).ok());
  file.set_error("both");
  EXPECT_FALSE(Parse(event).ok());
  file.clear_sha256();
  file.set_error(std::string(256, 'e'));
  EXPECT_TRUE(Parse(event).ok());
  file.set_error(std::string(257, 'e'));
  EXPECT_FALSE(Parse(event).ok());
  file.set_error("e");
  file.set_size(-1);
  EXPECT_FALSE(Parse(event).ok());
  file.set_size(0);
  for (const std::string& path : {std::string(), std::string("relative"), std::string("/a\0b", 4),
                                  absl::StrCat("/", std::string(4095, 'p'))}) {
    file.set_path(path);
    EXPECT_FALSE(Parse(event).ok()) << path;
  }
}

TEST(ParseWorkerEventTest, BoundsWhatIsSaidOfOutputFilesAtTheEnd) {
  WorkerEvent event;
  event.mutable_done()->set_outcome(WorkerDone::OK);
  event.mutable_done()->set_output_files_incomplete(std::string(1024, 'w'));
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_done()->set_not_run(true);
  EXPECT_FALSE(Parse(event).ok()) << "what did not run has not ended well";
  event.mutable_done()->set_outcome(WorkerDone::EXCEPTION);
  EXPECT_TRUE(Parse(event).ok());
  event.mutable_done()->set_output_files_incomplete(std::string(1025, 'w'));
  EXPECT_FALSE(Parse(event).ok());
}

TEST(ParseWorkerEventTest, RefusesWhatIsNoEvent) {
  WorkerEvent parsed;
  EXPECT_FALSE(ParseWorkerEvent("\xff\xff", &parsed).ok());
  EXPECT_FALSE(Parse(WorkerEvent()).ok());
  WorkerEvent done;
  done.mutable_done();
  EXPECT_FALSE(Parse(done).ok()) << "no outcome";
  done.mutable_done()->set_outcome(static_cast<WorkerDone::Outcome>(9));
  EXPECT_FALSE(Parse(done).ok()) << "an outcome that there is not";
  WorkerEvent ready;
  ready.set_execution_id(1);
  ready.mutable_ready();
  EXPECT_FALSE(Parse(ready).ok()) << "a start-up event of a cell";
}

}  // namespace
}  // namespace warren
