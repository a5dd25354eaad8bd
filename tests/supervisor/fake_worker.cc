#include "tests/supervisor/fake_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using internal::WorkerEvent;

bool WaitFor(int fd, short events) {
  pollfd ready{fd, events, 0};
  return ::poll(&ready, 1, PatienceMs()) == 1;
}

// Waits for room as long as it takes, within the test's patience.
bool WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno != EAGAIN || !WaitFor(fd, POLLOUT)) {
      return false;
    }
  }
  return true;
}

WorkerEvent OutputEvent(uint64_t execution_id, absl::string_view data) {
  WorkerEvent event;
  event.set_execution_id(execution_id);
  event.set_stdout_data(data.data(), data.size());
  return event;
}

}  // namespace

FakeWorker::FakeWorker() {
  auto make = [](UniqueFd& reader, UniqueFd& writer) {
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe.ok()) << pipe.status();
    for (const UniqueFd* end : {&pipe->read_end, &pipe->write_end}) {
      ASSERT_EQ(::fcntl(end->get(), F_SETFL, O_NONBLOCK), 0);
    }
    reader = std::move(pipe->read_end);
    writer = std::move(pipe->write_end);
  };
  make(requests_, pipes_.requests);
  make(pipes_.events, events_);
  make(pipes_.standard_output, out_);
  make(pipes_.standard_error, err_);
}

std::optional<internal::WorkerRequest> FakeWorker::NextRequest() {
  std::vector<char> buffer(64 << 10);
  while (parsed_.empty()) {
    if (!WaitFor(requests_.get(), POLLIN)) {
      ADD_FAILURE() << "no request came";
      return std::nullopt;
    }
    const ssize_t n = ::read(requests_.get(), buffer.data(), buffer.size());
    if (n == 0) {
      ADD_FAILURE() << "the supervisor closed the request pipe";
      return std::nullopt;
    }
    if (n < 0) continue;
    absl::Status fed = parser_.Feed(absl::string_view(buffer.data(), static_cast<size_t>(n)),
                                    [&](absl::string_view frame) {
                                      parsed_.emplace_back(frame);
                                      return FrameParser::Next::kContinue;
                                    });
    EXPECT_TRUE(fed.ok()) << fed;
  }
  internal::WorkerRequest request;
  EXPECT_TRUE(request.ParseFromString(parsed_.front()));
  parsed_.erase(parsed_.begin());
  return request;
}

bool FakeWorker::HasRequest() {
  pollfd ready{requests_.get(), POLLIN, 0};
  return !parsed_.empty() || ::poll(&ready, 1, 0) == 1;
}

bool FakeWorker::Send(const WorkerEvent& event) {
  std::string frame;
  EXPECT_TRUE(AppendFrame(event, &frame).ok());
  const bool sent = WriteAll(events_.get(), frame);
  EXPECT_TRUE(sent) << "the supervisor does not read the event pipe";
  return sent;
}

bool FakeWorker::SendReady() {
  WorkerEvent event;
  event.mutable_ready()->set_pid(2);
  return Send(event);
}

bool FakeWorker::SendOutput(uint64_t execution_id, absl::string_view data) {
  return Send(OutputEvent(execution_id, data));
}

bool FakeWorker::SendDone(uint64_t execution_id) {
  WorkerEvent event;
  event.set_execution_id(execution_id);
  event.mutable_done()->set_outcome(internal::WorkerDone::OK);
  event.mutable_done()->set_execution_count(static_cast<int32_t>(execution_id));
  return Send(event);
}

bool FakeWorker::TrySendOutput(uint64_t execution_id, absl::string_view data) {
  std::string frame;
  EXPECT_TRUE(AppendFrame(OutputEvent(execution_id, data), &frame).ok());
  // A frame is written whole or, where the pipe is fuller than that, not at all.
  pollfd ready{events_.get(), POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1) return false;
  const ssize_t n = ::write(events_.get(), frame.data(), frame.size());
  if (n < 0) return false;
  return WriteAll(events_.get(), absl::string_view(frame).substr(static_cast<size_t>(n)));
}

bool FakeWorker::WriteOut(absl::string_view data) { return WriteAll(out_.get(), data); }

bool FakeWorker::Abandoned() const {
  pollfd ends[] = {
      {requests_.get(), 0, 0}, {events_.get(), 0, 0}, {out_.get(), 0, 0}, {err_.get(), 0, 0}};
  ::poll(ends, std::size(ends), 0);
  return std::all_of(std::begin(ends), std::end(ends),
                     [](const pollfd& end) { return (end.revents & (POLLHUP | POLLERR)) != 0; });
}

void FakeWorker::CloseAll() {
  requests_.reset();
  events_.reset();
  out_.reset();
  err_.reset();
}

}  // namespace warren
