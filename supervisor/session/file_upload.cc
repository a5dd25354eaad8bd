#include "supervisor/session/file_upload.h"

#include <algorithm>
#include <utility>

namespace warren {

Flow FileUpload::Charge(size_t bytes) {
  const int64_t size = static_cast<int64_t>(bytes);
  memory_.Add(size);
  if (waiting_.fetch_add(size) + size < kMostWaiting && !memory_.exhausted())
    return Flow::kContinue;
  full_ = true;
  return Flow::kPause;
}

void FileUpload::Discharge(size_t bytes) {
  const int64_t size = static_cast<int64_t>(bytes);
  memory_.Remove(size);
  const int64_t left = waiting_.fetch_sub(size) - size;
  if (!done() && left <= kMostWaiting / 2 && full_.exchange(false)) on_room_();
}

void FileUpload::Write(std::string data) {
  if (done()) return Discharge(data.size());
  if (data.empty()) return;
  chunks_.push_back(std::move(data));
  Pump();
}

void FileUpload::Close() {
  closed_ = true;
  Pump();
}

void FileUpload::OnCredit(uint32_t bytes) {
  credit_ += bytes;
  Pump();
}

void FileUpload::Pump() {
  while (!done() && stream_id() != 0 && !last_sent_ && SendSome()) {
  }
}

bool FileUpload::SendSome() {
  if (chunks_.empty() && !closed_) return false;
  absl::string_view data;
  if (!chunks_.empty()) {
    data = absl::string_view(chunks_.front()).substr(sent_);
    data =
        data.substr(0, std::min(kStreamPiece, static_cast<size_t>(std::max<int64_t>(credit_, 0))));
    if (data.empty()) return false;
  }
  const size_t size = data.size();
  const bool used_up = !chunks_.empty() && sent_ + size == chunks_.front().size();
  last_sent_ = closed_ && chunks_.size() == (used_up ? 1 : 0);
  absl::Status sent = link().SendData(stream_id(), data, last_sent_);
  credit_ -= static_cast<int64_t>(size);
  sent_ += size;
  if (used_up) {
    chunks_.pop_front();
    sent_ = 0;
  }
  Discharge(size);
  if (sent.ok()) return true;
  Fail(std::move(sent));
  return false;
}

void FileUpload::Done(absl::Status status, internal::StreamEnd* end) {
  size_t dropped = 0;
  for (const std::string& chunk : std::exchange(chunks_, {})) dropped += chunk.size();
  Discharge(dropped - std::exchange(sent_, 0));
  if (!status.ok()) return reply_(std::move(status));
  warren::v1::WriteFileResponse response;
  *response.mutable_entry() = ToFileEntry(std::move(*end->mutable_file()));
  response.set_size_bytes(static_cast<int64_t>(end->size()));
  response.set_sha256(std::move(*end->mutable_sha256()));
  reply_(std::move(response));
}

}  // namespace warren
