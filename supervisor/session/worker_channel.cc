#include "supervisor/session/worker_channel.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "runtime/control/worker_event.h"

namespace warren {
namespace {

using internal::WorkerEvent;
using warren::v1::ExecutionEvent;

constexpr size_t kReadBytes = 256 << 10;
// A pipe's size as the kernel makes it, and that of one through which a flood runs.
constexpr size_t kDefaultPipeBytes = 64 << 10;
constexpr int kLargePipeBytes = 256 << 10;

// One buffer for all sandboxes: only the IO thread reads, and nothing stays in it between two
// reads.
char* ReadBuffer() {
  thread_local std::array<char, kReadBytes> buffer;
  return buffer.data();
}

ssize_t ReadRetrying(int fd, char* data, size_t size) {
  ssize_t n;
  do {
    n = ::read(fd, data, size);
  } while (n < 0 && errno == EINTR);
  return n;
}

size_t BytesHeld(int fd) {
  int bytes = 0;
  return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

}  // namespace

absl::StatusOr<WorkerPipes> TakeWorkerPipes(std::vector<UniqueFd>& fds) {
  constexpr size_t kPipes = 4;
  if (fds.size() < kPipes) {
    return absl::InternalError(absl::StrCat("the launcher sent ", fds.size(), " descriptors"));
  }
  WorkerPipes pipes{std::move(fds[0]), std::move(fds[1]), std::move(fds[2]), std::move(fds[3])};
  fds.erase(fds.begin(), fds.begin() + kPipes);
  return pipes;
}

ssize_t WorkerChannel::ReadTimed(int fd, char* data, size_t size) {
  const ssize_t n = ReadRetrying(fd, data, size);
  if (n <= 0) return n;
  read_time_unix_nanos_ = absl::GetCurrentTimeNanos();
  bytes_read_ += static_cast<size_t>(n);
  return n;
}

absl::StatusOr<FrameParser::Next> WorkerChannel::DeliverFrame(absl::string_view frame, Sink& sink,
                                                              Extent extent) {
  // Output does not end a cell: what was read of it is delivered in one go.
  if (auto output = ParseOutputFrame(frame)) {
    WARREN_RETURN_IF_ERROR(sink.OnOutput(output->execution_id,
                                         output->stream == WorkerEvent::kStdoutData
                                             ? ExecutionEvent::Output::STDOUT
                                             : ExecutionEvent::Output::STDERR,
                                         output->data));
    return FrameParser::Next::kContinue;
  }
  WARREN_RETURN_IF_ERROR(ParseWorkerEvent(frame, &event_));
  if (event_.has_stdout_data()) {
    WARREN_RETURN_IF_ERROR(
        sink.OnOutput(event_.execution_id(), ExecutionEvent::Output::STDOUT, event_.stdout_data()));
  } else if (event_.has_stderr_data()) {
    WARREN_RETURN_IF_ERROR(
        sink.OnOutput(event_.execution_id(), ExecutionEvent::Output::STDERR, event_.stderr_data()));
  } else {
    WARREN_RETURN_IF_ERROR(sink.OnEvent(event_));
  }
  const bool goes_on = extent == Extent::kAll || sink.WantsMore();
  return goes_on ? FrameParser::Next::kContinue : FrameParser::Next::kHold;
}

absl::Status WorkerChannel::DeliverFrames(absl::string_view bytes, Sink& sink, Extent extent) {
  DrainSnapshot(ExecutionEvent::Output::STDOUT, sink);
  DrainSnapshot(ExecutionEvent::Output::STDERR, sink);
  absl::Status refused;
  absl::Status fed = parser_.Feed(bytes, [&](absl::string_view frame) {
    auto next = DeliverFrame(frame, sink, extent);
    if (next.ok()) return *next;
    refused = next.status();
    return FrameParser::Next::kStop;
  });
  WARREN_RETURN_IF_ERROR(refused);
  return fed;
}

void WorkerChannel::DrainSnapshot(Stream stream, Sink& sink) {
  const UniqueFd& pipe =
      stream == ExecutionEvent::Output::STDOUT ? pipes_.standard_output : pipes_.standard_error;
  size_t held = BytesHeld(pipe.get());
  char chunk[16384];
  while (held > 0) {
    ssize_t n = ReadTimed(pipe.get(), chunk, std::min(held, sizeof(chunk)));
    if (n <= 0) return;
    sink.OnOutput(0, stream, absl::string_view(chunk, static_cast<size_t>(n))).IgnoreError();
    held -= static_cast<size_t>(n);
  }
}

void WorkerChannel::EnlargeIfFull(const UniqueFd& pipe, size_t read, bool* enlarged) {
  if (*enlarged || read < kDefaultPipeBytes) return;
  *enlarged = true;
  // Refused when the host's allowance for pipes is used up: then it stays as it is.
  ::fcntl(pipe.get(), F_SETPIPE_SZ, kLargePipeBytes);
}

absl::StatusOr<WorkerChannel::Outcome> WorkerChannel::ReadEventsOnce(Sink& sink, size_t most,
                                                                     size_t* bytes, Extent extent) {
  char* buffer = ReadBuffer();
  const size_t wanted = std::min(most, kReadBytes);
  ssize_t n = ReadTimed(pipes_.events.get(), buffer, wanted);
  if (n == 0 || (n < 0 && errno != EAGAIN)) return Outcome::kClosed;
  if (n < 0) return Outcome::kDrained;
  *bytes += static_cast<size_t>(n);
  EnlargeIfFull(pipes_.events, static_cast<size_t>(n), &events_enlarged_);
  WARREN_RETURN_IF_ERROR(
      DeliverFrames(absl::string_view(buffer, static_cast<size_t>(n)), sink, extent));
  // A pipe gives all it has: a short read emptied it.
  const bool all = static_cast<size_t>(n) < wanted && !parser_.holding();
  return all ? Outcome::kDrained : Outcome::kMore;
}

absl::StatusOr<WorkerChannel::Outcome> WorkerChannel::ReadEvents(Sink& sink, size_t most) {
  size_t bytes = 0;
  most = std::min(most, kTurnBytes);
  while (sink.WantsMore() && bytes < most) {
    if (parser_.holding()) {
      WARREN_RETURN_IF_ERROR(DeliverFrames({}, sink, Extent::kWanted));
      continue;
    }
    WARREN_ASSIGN_OR_RETURN(Outcome outcome,
                            ReadEventsOnce(sink, most - bytes, &bytes, Extent::kWanted));
    if (outcome != Outcome::kMore) return outcome;
  }
  return Outcome::kMore;
}

WorkerChannel::Outcome WorkerChannel::ReadOutput(Stream stream, Sink& sink, size_t most) {
  const UniqueFd& pipe =
      stream == ExecutionEvent::Output::STDOUT ? pipes_.standard_output : pipes_.standard_error;
  most = std::min(most, kTurnBytes);
  for (size_t bytes = 0; sink.WantsMore() && bytes < most;) {
    const size_t wanted = std::min(most - bytes, kReadBytes);
    ssize_t n = ReadTimed(pipe.get(), ReadBuffer(), wanted);
    if (n < 0 && errno == EAGAIN) return Outcome::kDrained;
    if (n <= 0) return Outcome::kClosed;
    sink.OnOutput(0, stream, absl::string_view(ReadBuffer(), static_cast<size_t>(n))).IgnoreError();
    EnlargeIfFull(pipe, static_cast<size_t>(n), &output_enlarged_);
    if (static_cast<size_t>(n) < wanted) return Outcome::kDrained;
    bytes += static_cast<size_t>(n);
  }
  return Outcome::kMore;
}

absl::Status WorkerChannel::ReadRemains(Sink& sink) {
  if (parser_.holding()) WARREN_RETURN_IF_ERROR(DeliverFrames({}, sink, Extent::kAll));
  // Bounded by what the pipes can hold: whoever still has an end open must not keep us here.
  for (size_t bytes = 0; bytes < kTurnBytes;) {
    WARREN_ASSIGN_OR_RETURN(Outcome outcome,
                            ReadEventsOnce(sink, kReadBytes, &bytes, Extent::kAll));
    if (outcome != Outcome::kMore) break;
  }
  DrainSnapshot(ExecutionEvent::Output::STDOUT, sink);
  DrainSnapshot(ExecutionEvent::Output::STDERR, sink);
  return absl::OkStatus();
}

WorkerChannel::Outcome WorkerChannel::Send(const internal::WorkerRequest& request) {
  // Requests are bounded to 1 MiB of code: AppendFrame cannot refuse them.
  if (!AppendFrame(request, &unsent_).ok()) return Outcome::kClosed;
  return Flush();
}

WorkerChannel::Outcome WorkerChannel::Flush() {
  size_t sent = 0;
  Outcome outcome = Outcome::kDrained;
  while (sent < unsent_.size()) {
    ssize_t n = ::write(pipes_.requests.get(), unsent_.data() + sent, unsent_.size() - sent);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      outcome = errno == EAGAIN ? Outcome::kMore : Outcome::kClosed;
      break;
    }
  }
  unsent_.erase(0, sent);
  if (unsent_.empty() && unsent_.capacity() > 4096) unsent_ = std::string();
  return outcome;
}

}  // namespace warren
