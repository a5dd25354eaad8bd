#include "tools/warren/process/input_forwarder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "tools/warren/report.h"

namespace warren {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

}  // namespace

InputForwarder::InputForwarder(Client& client, Target target, int fd,
                               std::function<void()> on_leave)
    : client_(client),
      target_(std::move(target)),
      fd_(fd),
      on_leave_(std::move(on_leave)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Forward(); }) {}

InputForwarder::~InputForwarder() {
  Stop();
  thread_.join();
}

void InputForwarder::Stop() {
  uint64_t one = 1;
  // An eventfd that counts from 0 takes its first 8 bytes at once.
  [[maybe_unused]] ssize_t n = ::write(stop_.get(), &one, sizeof(one));
  std::lock_guard<std::mutex> lock(mutex_);
  stopping_ = true;
  if (call_ != nullptr) call_->TryCancel();
}

bool InputForwarder::WaitForInput() const {
  pollfd watched[] = {{fd_, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (::poll(watched, 2, -1) < 0) {
    if (errno != EINTR) return false;
  }
  return watched[1].revents == 0;
}

void InputForwarder::Forward() {
  std::string buffer(kChunkBytes, '\0');
  while (WaitForInput()) {
    ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    // EIO: the terminal hung up. That, too, is the end of the input.
    if (n <= 0) {
      Send("", /*close=*/true);
      return;
    }
    std::string data = buffer.substr(0, static_cast<size_t>(n));
    if (on_leave_) data = filter_.Take(data);
    if (!data.empty() && !Send(data, /*close=*/false)) return;
    if (filter_.left()) {
      on_leave_();
      return;
    }
  }
}

bool InputForwarder::Send(const std::string& data, bool close) {
  v1::WriteProcessInputRequest request;
  request.set_sandbox_id(target_.sandbox_id);
  request.set_process_id(target_.process_id);
  request.set_data(data);
  request.set_close(close);
  // No deadline: the process may read when it likes.
  grpc::ClientContext call;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return false;
    call_ = &call;
  }
  v1::WriteProcessInputResponse response;
  grpc::Status status = client_.processes().WriteProcessInput(&call, request, &response);
  std::lock_guard<std::mutex> lock(mutex_);
  call_ = nullptr;
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return true;
    // It has ended, or does not want any more: its end tells the rest.
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::CANCELLED:
      return false;
    default:
      if (!stopping_) FailCall(client_, "write to the process", status);
      return false;
  }
}

}  // namespace warren
