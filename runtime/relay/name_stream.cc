#include "runtime/relay/name_stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runtime/base/status.h"
#include "runtime/relay/times.h"

namespace warren {
namespace {

constexpr size_t kLengthBytes = 2;
constexpr size_t kLargestQuestion = 4096;

size_t LengthOf(absl::string_view message) {
  return static_cast<size_t>(static_cast<unsigned char>(message[0])) << 8 |
         static_cast<unsigned char>(message[1]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<NameStream>> NameStream::Open(IoLoop& loop, double pace,
                                                             NameService& names, UniqueFd client,
                                                             absl::AnyInvocable<void()> on_end) {
  std::unique_ptr<NameStream> stream(
      new NameStream(loop, names, std::move(client), std::move(on_end)));
  WARREN_ASSIGN_OR_RETURN(stream->watch_,
                          loop.Watch(stream->client_.get(), EPOLLIN,
                                     [self = stream.get()](uint32_t) { self->OnReady(); }));
  const auto time = std::chrono::duration_cast<MonotonicClock::duration>(kNameStreamTime * pace);
  stream->timer_ =
      loop.AddTimer(MonotonicClock::now() + time, [self = stream.get()] { self->End(); });
  return stream;
}

NameStream::~NameStream() {
  loop_.CancelTimer(timer_);
  if (watch_ != IoLoop::kNoWatch) loop_.Unwatch(watch_);
}

void NameStream::OnReady() {
  std::array<char, kLargestQuestion + kLengthBytes> bytes;
  const size_t room = bytes.size() - received_.size();
  const ssize_t size = ::recv(client_.get(), bytes.data(), room, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return End();
  ended_ = size == 0;
  received_.append(bytes.data(), static_cast<size_t>(size));
  if (!TakeQuestion() || (ended_ && !asking_)) return End();
  // A client that says more than is answered waits, and so does its end.
  if (ended_ || received_.size() == bytes.size()) loop_.Modify(watch_, 0).IgnoreError();
}

bool NameStream::TakeQuestion() {
  if (asking_ || received_.size() < kLengthBytes) return true;
  const size_t length = LengthOf(received_);
  if (length > kLargestQuestion) return false;
  if (received_.size() < kLengthBytes + length) return true;
  const std::string question = received_.substr(kLengthBytes, length);
  received_.erase(0, kLengthBytes + length);
  asking_ = true;
  names_.Ask(question, [self = std::weak_ptr(self_)](const std::string& answer) {
    if (auto stream = self.lock()) (*stream)->OnAnswer(answer);
  });
  return true;
}

void NameStream::OnAnswer(const std::string& answer) {
  asking_ = false;
  if (answer.empty() || answer.size() > 0xffff) return End();
  std::string framed = {static_cast<char>(answer.size() >> 8),
                        static_cast<char>(answer.size() & 0xff)};
  framed += answer;
  const ssize_t sent =
      ::send(client_.get(), framed.data(), framed.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(framed.size()) || !TakeQuestion()) return End();
  if (asking_) return;
  if (ended_) return End();
  if (watch_ != IoLoop::kNoWatch) loop_.Modify(watch_, EPOLLIN).IgnoreError();
}

void NameStream::End() {
  if (watch_ != IoLoop::kNoWatch) loop_.Unwatch(std::exchange(watch_, IoLoop::kNoWatch));
  if (!on_end_) return;
  loop_.Post([self = std::weak_ptr(self_), on_end = std::exchange(on_end_, nullptr)]() mutable {
    if (!self.expired()) on_end();
  });
}

}  // namespace warren
