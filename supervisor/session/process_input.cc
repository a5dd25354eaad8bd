#include "supervisor/session/process_input.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

absl::Status InputClosed() {
  return absl::FailedPreconditionError(
      "its standard input is closed: by an earlier write, from the start, or by the process");
}

}  // namespace

void ProcessInput::Write(warren::v1::WriteProcessInputRequest request, WriteReply reply) {
  if (!pipe_.valid() || closing_) return reply(InputClosed());
  const size_t bytes = request.data().size();
  if (waiting_bytes_ + bytes > kMaxWaiting || !charge_.TryAdd(static_cast<int64_t>(bytes))) {
    return reply(absl::ResourceExhaustedError(
        absl::StrCat(waiting_bytes_, " bytes wait already for it to read them, and at most ",
                     kMaxWaiting, " may; send the next when the one before is answered")));
  }
  Enqueue(std::move(*request.mutable_data()), request.close(), std::move(reply));
}

void ProcessInput::WriteAll(std::string data) {
  if (!pipe_.valid() || closing_) return;
  charge_.Add(static_cast<int64_t>(data.size()));
  Enqueue(std::move(data), /*close=*/true,
          [](const absl::StatusOr<warren::v1::WriteProcessInputResponse>&) {});
}

void ProcessInput::Enqueue(std::string data, bool close, WriteReply reply) {
  waiting_bytes_ += data.size();
  closing_ = close;
  waiting_.push_back(Waiting{std::move(data), 0, close, std::move(reply)});
  if (watch_ == IoLoop::kNoWatch) Flush();
}

bool ProcessInput::WriteFront() {
  Waiting& front = waiting_.front();
  while (front.written < front.data.size()) {
    const ssize_t n =
        ::write(pipe_.get(), front.data.data() + front.written, front.data.size() - front.written);
    if (n >= 0) {
      front.written += static_cast<size_t>(n);
    } else if (errno == EAGAIN) {
      return false;
    } else if (errno != EINTR) {
      Close(InputClosed());
      return false;
    }
  }
  return true;
}

void ProcessInput::Flush() {
  while (!waiting_.empty() && WriteFront()) {
    Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= done.data.size();
    charge_.Remove(static_cast<int64_t>(done.data.size()));
    if (done.close) Close(InputClosed());
    done.reply(warren::v1::WriteProcessInputResponse());
  }
  if (!waiting_.empty()) return Watch();
  loop_.Unwatch(std::exchange(watch_, IoLoop::kNoWatch));
}

void ProcessInput::Watch() {
  if (watch_ != IoLoop::kNoWatch) return;
  auto watch =
      loop_.Watch(pipe_.get(), EPOLLOUT, [self = shared_from_this()](uint32_t) { self->Flush(); });
  if (!watch.ok()) return Close(watch.status());
  watch_ = *watch;
}

void ProcessInput::Close(const absl::Status& why) {
  loop_.Unwatch(std::exchange(watch_, IoLoop::kNoWatch));
  pipe_.reset();
  charge_.Clear();
  waiting_bytes_ = 0;
  for (Waiting& waiting : std::exchange(waiting_, {})) waiting.reply(why);
}

}  // namespace warren
