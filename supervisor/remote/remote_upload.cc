#include "supervisor/remote/remote_upload.h"

#include <utility>

#include "supervisor/remote/remote_call.h"

namespace warren {

void RemoteUpload::Begin(const Call& call, v1::WriteFileRequest::Header header) {
  self_ = shared_from_this();
  Prepare(context_, *stubs_, call);
  stubs_->files->async()->WriteFile(&context_, &response_, this);
  {
    MutexLock lock(&mu_);
    v1::WriteFileRequest first;
    *first.mutable_header() = std::move(header);
    Enqueue(std::move(first));
  }
  // Until the end was written: writes begin outside of what gRPC calls.
  AddHold();
  StartCall();
  SendNext();
}

void RemoteUpload::Enqueue(v1::WriteFileRequest request) {
  waiting_bytes_ += request.data().size();
  waiting_.push_back(std::move(request));
}

Flow RemoteUpload::Write(std::string data) {
  if (data.empty()) return Flow::kContinue;
  Flow flow;
  {
    MutexLock lock(&mu_);
    if (released_) return Flow::kContinue;
    v1::WriteFileRequest request;
    request.set_data(std::move(data));
    Enqueue(std::move(request));
    full_ = waiting_bytes_ >= kMostWaiting;
    flow = full_ ? Flow::kPause : Flow::kContinue;
  }
  SendNext();
  return flow;
}

void RemoteUpload::Close() {
  {
    MutexLock lock(&mu_);
    if (released_) return;
    v1::WriteFileRequest request;
    request.mutable_end();
    Enqueue(std::move(request));
  }
  SendNext();
}

void RemoteUpload::SendNext() {
  bool room = false;
  {
    MutexLock lock(&mu_);
    if (writing_ || released_ || waiting_.empty()) return;
    writing_ = true;
    request_ = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= request_.data().size();
    if (full_ && waiting_bytes_ <= kMostWaiting / 2) {
      full_ = false;
      room = true;
    }
  }
  // Before the write: with that the reply may come, and nothing is told behind it.
  if (room) on_room_();
  if (request_.has_end()) {
    StartWriteLast(&request_, grpc::WriteOptions());
  } else {
    StartWrite(&request_);
  }
}

void RemoteUpload::Cancel() {
  context_.TryCancel();
  {
    MutexLock lock(&mu_);
    if (writing_ || std::exchange(released_, true)) return;
  }
  // No write comes back to tell.
  RemoveHold();
}

void RemoteUpload::OnWriteDone(bool ok) {
  const bool over = !ok || request_.has_end();
  {
    MutexLock lock(&mu_);
    writing_ = false;
    if (over) {
      released_ = true;
      waiting_.clear();
      waiting_bytes_ = 0;
    }
  }
  if (over) return RemoveHold();
  SendNext();
}

void RemoteUpload::OnDone(const grpc::Status& status) {
  // Released behind the reply.
  auto self = std::exchange(self_, nullptr);
  if (!status.ok()) return reply_(FromGrpc(*stubs_, context_, status));
  reply_(std::move(response_));
}

}  // namespace warren
