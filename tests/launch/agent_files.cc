#include "tests/launch/agent_files.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "gtest/gtest.h"
#include "runtime/control/agent_stream.h"
#include "tests/support/patience.h"

namespace warren {

FileOutcome AgentFiles::Read(const std::string& path) { return Finish(BeginRead(path)); }

FileOutcome AgentFiles::Write(const std::string& path, const std::string& data,
                              const std::function<void(internal::WriteFileCall&)>& change) {
  const uint64_t stream = BeginWrite(path, change);
  SendData(stream, data, true);
  return Finish(stream);
}

FileOutcome AgentFiles::Stat(const std::string& path, bool follow) {
  internal::FileCall call;
  call.mutable_stat()->set_path(path);
  call.mutable_stat()->set_follow(follow);
  return Finish(Begin(call));
}

FileOutcome AgentFiles::List(const std::string& path, uint32_t depth) {
  internal::FileCall call;
  call.mutable_list()->set_path(path);
  call.mutable_list()->set_depth(depth);
  return Finish(Begin(call));
}

FileOutcome AgentFiles::MakeDirectory(const std::string& path, uint32_t mode) {
  internal::FileCall call;
  call.mutable_make_directory()->set_path(path);
  call.mutable_make_directory()->set_mode(mode);
  return Finish(Begin(call));
}

FileOutcome AgentFiles::Move(const std::string& source, const std::string& destination) {
  internal::FileCall call;
  call.mutable_move()->set_source(source);
  call.mutable_move()->set_destination(destination);
  return Finish(Begin(call));
}

FileOutcome AgentFiles::Remove(const std::string& path, bool recursive) {
  internal::FileCall call;
  call.mutable_remove()->set_path(path);
  call.mutable_remove()->set_recursive(recursive);
  return Finish(Begin(call));
}

uint64_t AgentFiles::Begin(internal::FileCall call) {
  const uint64_t stream = ++last_stream_;
  call.set_stream_id(stream);
  call.set_uid(uid_);
  call.set_gid(uid_);
  outcomes_[stream].credit = kStreamWindow;
  internal::AgentRequest request;
  *request.mutable_call() = std::move(call);
  Send(request);
  return stream;
}

uint64_t AgentFiles::BeginRead(const std::string& path) {
  internal::FileCall call;
  call.mutable_read()->set_path(path);
  return Begin(std::move(call));
}

uint64_t AgentFiles::BeginWrite(const std::string& path,
                                const std::function<void(internal::WriteFileCall&)>& change) {
  internal::FileCall call;
  call.mutable_write()->set_path(path);
  if (change) change(*call.mutable_write());
  return Begin(std::move(call));
}

void AgentFiles::SendData(uint64_t stream, const std::string& data, bool last) {
  FileOutcome& outcome = outcomes_[stream];
  size_t at = 0;
  do {
    const size_t size = std::min(data.size() - at, kMaxStreamData);
    EXPECT_TRUE(
        WaitUntil([&] { return outcome.ended || outcome.credit >= static_cast<int64_t>(size); }));
    if (outcome.ended) return;
    outcome.credit -= static_cast<int64_t>(size);
    internal::AgentRequest request;
    request.mutable_data()->set_stream_id(stream);
    request.mutable_data()->set_data(data.substr(at, size));
    at += size;
    request.mutable_data()->set_last(last && at == data.size());
    Send(request);
  } while (at < data.size());
}

void AgentFiles::Cancel(uint64_t stream) {
  internal::AgentRequest request;
  request.mutable_cancel()->set_stream_id(stream);
  Send(request);
}

void AgentFiles::GiveCredit(uint64_t stream, uint32_t bytes) {
  internal::AgentRequest request;
  request.mutable_credit()->set_stream_id(stream);
  request.mutable_credit()->set_bytes(bytes);
  Send(request);
}

void AgentFiles::Send(const internal::AgentRequest& request) {
  std::string frame;
  EXPECT_EQ(AppendFrame(request, &frame), absl::OkStatus());
  for (size_t sent = 0; sent < frame.size();) {
    const ssize_t size = ::write(requests_.get(), frame.data() + sent, frame.size() - sent);
    if (size < 0 && errno == EAGAIN) {
      pollfd wait = {requests_.get(), POLLOUT, 0};
      ASSERT_EQ(::poll(&wait, 1, PatienceMs()), 1) << "the agent reads nothing";
      continue;
    }
    ASSERT_GT(size, 0) << "the agent is gone";
    sent += static_cast<size_t>(size);
  }
}

FileOutcome AgentFiles::Finish(uint64_t stream) {
  EXPECT_TRUE(WaitUntil([&] { return outcomes_[stream].ended; })) << "it does not end";
  FileOutcome outcome = std::move(outcomes_[stream]);
  outcomes_.erase(stream);
  return outcome;
}

bool AgentFiles::WaitUntil(const std::function<bool()>& holds) {
  while (!holds()) {
    if (!TakeEvent(PatienceMs())) return holds();
  }
  return true;
}

bool AgentFiles::TakeEvent(int milliseconds) {
  pollfd wait = {events_.get(), POLLIN, 0};
  if (::poll(&wait, 1, milliseconds) != 1) return false;
  static char bytes[256 << 10];
  const ssize_t size = ::read(events_.get(), bytes, sizeof(bytes));
  if (size <= 0) return false;
  EXPECT_EQ(parser_.Feed({bytes, static_cast<size_t>(size)},
                         [&](absl::string_view frame) {
                           internal::AgentEvent event;
                           EXPECT_TRUE(
                               event.ParseFromArray(frame.data(), static_cast<int>(frame.size())));
                           OnEvent(event);
                           return FrameParser::Next::kContinue;
                         }),
            absl::OkStatus());
  return true;
}

void AgentFiles::OnEvent(const internal::AgentEvent& event) {
  uint64_t stream = 0;
  size_t taken = 0;
  auto at = [&](uint64_t id) -> FileOutcome& {
    stream = id;
    EXPECT_TRUE(outcomes_.contains(id)) << "of a stream that is not there";
    EXPECT_FALSE(outcomes_[id].ended) << "something after the end";
    return outcomes_[id];
  };
  if (event.has_data()) {
    at(event.data().stream_id()).data += event.data().data();
    taken = event.data().data().size();
    EXPECT_LE(taken, kMaxStreamData);
  } else if (event.has_entry()) {
    at(event.entry().stream_id()).entries.push_back(event.entry().file());
    taken = event.entry().ByteSizeLong();
  } else if (event.has_watch_event()) {
    at(event.watch_event().stream_id()).watched.push_back(event.watch_event());
    taken = event.watch_event().ByteSizeLong();
  } else if (event.has_credit()) {
    at(event.credit().stream_id()).credit += event.credit().bytes();
  } else if (event.has_end()) {
    FileOutcome& outcome = at(event.end().stream_id());
    outcome.end = event.end();
    outcome.ended = true;
  } else {
    ADD_FAILURE() << "of a command";
  }
  if (taken > 0 && give_credit_) GiveCredit(stream, static_cast<uint32_t>(taken));
}

}  // namespace warren
