#include "supervisor/backend/validate_process.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "supervisor/backend/process_queue.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ProcessEvent;
using warren::v1::StartProcessRequest;

StartProcessRequest Program() {
  StartProcessRequest request;
  request.add_arguments("prog");
  return request;
}

// It is refused, and the message names the field.
void ExpectRefused(StartProcessRequest request, const std::string& field) {
  absl::Status status = ValidateStartProcess(request);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << field;
  EXPECT_THAT(std::string(status.message()), HasSubstr(field));
}

TEST(ValidateProcessTest, DefaultsAreFilledIn) {
  StartProcessRequest request = Program();
  EXPECT_EQ(ValidateStartProcess(request), absl::OkStatus());
  EXPECT_EQ(request.working_directory(), "/home/user");
  EXPECT_EQ(request.on_disconnect(), v1::ON_DISCONNECT_CONTINUE);
  EXPECT_FALSE(request.has_timeout());
  request.set_working_directory("sub/dir");
  EXPECT_EQ(ValidateStartProcess(request), absl::OkStatus());
  EXPECT_EQ(request.working_directory(), "/home/user/sub/dir");
}

TEST(ValidateProcessTest, EachFieldHasItsBounds) {
  ExpectRefused({}, "arguments");
  StartProcessRequest request = Program();
  const std::string one(1, 'a');
  for (int i = 0; i < 1023; ++i) request.add_arguments(one);
  EXPECT_EQ(ValidateStartProcess(request), absl::OkStatus());
  request.add_arguments(one);
  ExpectRefused(request, "arguments");
  request = Program();
  request.add_arguments(std::string(128 << 10, 'x'));
  ExpectRefused(request, "arguments");
  request = Program();
  request.mutable_arguments(0)->clear();
  ExpectRefused(request, "arguments");
  request = Program();
  request.add_arguments(std::string("a\0b", 3));
  ExpectRefused(request, "arguments");
  request = Program();
  request.set_working_directory(std::string("/a\0b", 4));
  ExpectRefused(request, "working_directory");
  request = Program();
  request.mutable_timeout()->set_seconds(0);
  ExpectRefused(request, "timeout");
  request.mutable_timeout()->set_seconds(86401);
  ExpectRefused(request, "timeout");
  request = Program();
  request.mutable_terminal()->set_columns(65535);
  EXPECT_EQ(ValidateStartProcess(request), absl::OkStatus());
  request.mutable_terminal()->set_rows(65536);
  ExpectRefused(request, "terminal");
  request.mutable_terminal()->set_rows(-1);
  ExpectRefused(request, "terminal");
  request = Program();
  request.set_max_output_bytes(-1);
  ExpectRefused(request, "max_output_bytes");
  request = Program();
  request.set_request_id(std::string(129, 'r'));
  ExpectRefused(request, "request_id");
  request = Program();
  request.set_user(std::string(65, 'u'));
  ExpectRefused(request, "user");
  request = Program();
  request.set_on_disconnect(static_cast<v1::OnDisconnect>(7));
  ExpectRefused(request, "on_disconnect");
}

TEST(ValidateProcessTest, TheEnvironmentIsBoundedAndItsNamesAreNames) {
  StartProcessRequest request = Program();
  for (const char* name : {"", "1A", "A=B", "A-B", "A B"}) {
    request.clear_env();
    (*request.mutable_env())[name] = "value";
    ExpectRefused(request, "env");
  }
  request.clear_env();
  (*request.mutable_env())["_a1"] = std::string("x\0", 2);
  ExpectRefused(request, "env");
  request.clear_env();
  for (int i = 0; i < 128; ++i) (*request.mutable_env())[absl::StrCat("N", i)] = "";
  EXPECT_EQ(ValidateStartProcess(request), absl::OkStatus());
  (*request.mutable_env())["ONE_MORE"] = "";
  ExpectRefused(request, "env");
  request.clear_env();
  (*request.mutable_env())["N"] = std::string(64 << 10, 'x');
  ExpectRefused(request, "env");
}

TEST(ValidateProcessTest, OtherRequests) {
  v1::WriteProcessInputRequest write;
  write.set_data(std::string(1 << 20, 'x'));
  EXPECT_EQ(ValidateWriteInput(write), absl::OkStatus());
  write.mutable_data()->push_back('x');
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateWriteInput(write)));
  v1::ResizeTerminalRequest resize;
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateResize(resize)));
  resize.mutable_size();
  EXPECT_EQ(ValidateResize(resize), absl::OkStatus());
  v1::SignalProcessRequest signal;
  for (int number : {0, -1, 65}) {
    signal.set_signal(number);
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateSignal(signal))) << number;
  }
  signal.set_signal(64);
  EXPECT_EQ(ValidateSignal(signal), absl::OkStatus());
}

ProcessEvent Output(ProcessEvent::Output::Stream stream, const std::string& data) {
  ProcessEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data);
  return event;
}

TEST(ProcessQueueTest, OutputOfOneStreamIsJoinedAndAFullQueuePauses) {
  MemoryBudget memory(int64_t{1} << 30);
  ProcessQueue queue(&memory, [] {});
  queue.Push(Output(ProcessEvent::Output::STDOUT, "a"));
  queue.Push(Output(ProcessEvent::Output::STDOUT, "b"));
  queue.Push(Output(ProcessEvent::Output::STDERR, "c"));
  EXPECT_EQ(queue.Take()->event.output().data(), "ab");
  EXPECT_EQ(queue.Take()->event.output().data(), "c");
  EXPECT_FALSE(queue.Take());
  EXPECT_EQ(memory.used(), 0);
  const std::string large(600 << 10, 'x');
  EXPECT_EQ(queue.Push(Output(ProcessEvent::Output::STDOUT, large)), Flow::kContinue);
  EXPECT_EQ(queue.Push(Output(ProcessEvent::Output::STDOUT, large)), Flow::kPause);
  ProcessEvent exited;
  exited.mutable_exited();
  queue.Push(exited);
  queue.End(absl::OkStatus());
  EXPECT_FALSE(queue.Take()->last);
  EXPECT_FALSE(queue.Take()->last);
  auto last = queue.Take();
  EXPECT_TRUE(last->last);
  EXPECT_FALSE(last->ended) << "it has its event";
  EXPECT_FALSE(queue.Take());
}

TEST(ProcessQueueTest, AnEndWithoutAWordOfItIsAnError) {
  MemoryBudget memory(int64_t{1} << 30);
  ProcessQueue queue(&memory, [] {});
  queue.End(absl::OkStatus());
  auto end = queue.Take();
  EXPECT_TRUE(end->ended);
  EXPECT_EQ(end->status.code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace warren
