#include "supervisor/session/file_call.h"

#include <sys/stat.h>

#include <utility>

namespace warren {
namespace {

warren::v1::FileEntry::Type TypeOf(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return warren::v1::FileEntry::REGULAR;
    case S_IFDIR:
      return warren::v1::FileEntry::DIRECTORY;
    case S_IFLNK:
      return warren::v1::FileEntry::SYMLINK;
    default:
      return warren::v1::FileEntry::OTHER;
  }
}

// proto3 strings are UTF-8; a name of an attribute or a user need not be.
bool IsPlainText(const std::string& text) {
  for (char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

void SetTime(int64_t nanos, google::protobuf::Timestamp* time) {
  constexpr int64_t kNanos = 1'000'000'000;
  // Years 1 to 9999, as a Timestamp has them.
  constexpr int64_t kFirst = -62135596800;
  constexpr int64_t kLast = 253402300799;
  int64_t seconds = nanos / kNanos;
  int64_t rest = nanos % kNanos;
  if (rest < 0) {
    rest += kNanos;
    --seconds;
  }
  time->set_seconds(std::min(std::max(seconds, kFirst), kLast));
  time->set_nanos(static_cast<int32_t>(rest));
}

}  // namespace

warren::v1::FileEntry ToFileEntry(internal::FileFacts facts) {
  warren::v1::FileEntry entry;
  entry.set_path(std::move(*facts.mutable_path()));
  entry.set_type(TypeOf(facts.mode()));
  entry.set_size_bytes(static_cast<int64_t>(std::min<uint64_t>(facts.size(), INT64_MAX)));
  entry.set_mode(facts.mode() & 07777);
  entry.set_uid(facts.uid());
  entry.set_gid(facts.gid());
  SetTime(facts.modified_ns(), entry.mutable_modified_at());
  entry.set_symlink_target(std::move(*facts.mutable_symlink_target()));
  for (auto& [name, value] : *facts.mutable_attributes()) {
    if (IsPlainText(name)) (*entry.mutable_attributes())[name] = std::move(value);
  }
  entry.set_owner(IsPlainText(facts.owner()) ? facts.owner() : std::to_string(facts.uid()));
  entry.set_group(IsPlainText(facts.group()) ? facts.group() : std::to_string(facts.gid()));
  entry.set_attributes_cut(facts.attributes_cut());
  entry.set_not_listed(facts.not_listed());
  return entry;
}

// ---- FileCall ---------------------------------------------------------------------------------

void FileCall::Start(internal::FileCall call) {
  call_ = std::move(call);
  link_ = sandbox_->agent();
  link_->Use([self = shared_from_this()](const absl::Status& agent) { self->Open(agent); });
}

void FileCall::Open(const absl::Status& agent) {
  if (cancelled_) {
    internal::StreamEnd end;
    end.set_outcome(internal::StreamEnd::CANCELLED);
    return OnEnd(end);
  }
  if (!agent.ok()) return Finish(agent, nullptr);
  absl::StatusOr<uint64_t> id = link_->OpenStream(std::move(call_), shared_from_this());
  if (!id.ok()) return Finish(id.status(), nullptr);
  stream_id_ = *id;
  OnOpened();
}

void FileCall::Cancel() {
  cancelled_ = true;
  // Whatever the agent makes of it.
  use_.End();
  if (!done_ && stream_id_ != 0) link_->CancelStream(stream_id_);
}

void FileCall::OnEnd(internal::StreamEnd& end) { Finish(FileStatus(subject_, end), &end); }

void FileCall::Fail(absl::Status status) {
  if (done_) return;
  if (stream_id_ != 0) link_->CancelStream(stream_id_);
  Finish(std::move(status), nullptr);
}

void FileCall::Finish(absl::Status status, internal::StreamEnd* end) {
  if (std::exchange(done_, true)) return;
  Done(std::move(status), end);
  use_.End();
  sandbox_.reset();
}

// ---- What comes of it -------------------------------------------------------------------------

void FileQuestion::Done(absl::Status status, internal::StreamEnd* end) {
  if (!status.ok()) return answer_(std::move(status));
  answer_(std::move(*end->mutable_file()));
}

void FileDownload::OnData(internal::StreamData& data) {
  if (done()) return;
  warren::v1::ReadFileResponse response;
  const size_t bytes = data.data().size();
  response.set_data(std::move(*data.mutable_data()));
  Push(std::move(response), bytes);
}

void FileDownload::OnEntry(internal::StreamEntry& entry) {
  if (done()) return;
  warren::v1::ReadFileResponse response;
  const size_t bytes = entry.ByteSizeLong();
  *response.mutable_entry() = ToFileEntry(std::move(*entry.mutable_file()));
  Push(std::move(response), bytes);
}

void FileDownload::Done(absl::Status status, internal::StreamEnd* end) {
  if (status.ok()) {
    warren::v1::ReadFileResponse response;
    response.mutable_end()->set_size_bytes(static_cast<int64_t>(end->size()));
    response.mutable_end()->set_sha256(std::move(*end->mutable_sha256()));
    sink().Push(std::move(response));
  }
  FileStreamCall::Done(std::move(status), end);
}

void DirectoryListing::OnEntry(internal::StreamEntry& entry) {
  if (done()) return;
  const size_t bytes = entry.ByteSizeLong();
  Push(ToFileEntry(std::move(*entry.mutable_file())), bytes);
}

void DirectoryWatch::OnWatchEvent(internal::StreamWatchEvent& event) {
  if (done()) return;
  const size_t bytes = event.ByteSizeLong();
  warren::v1::FileEvent told;
  told.set_kind(static_cast<warren::v1::FileEvent::Kind>(event.kind()));
  told.set_path(std::move(*event.mutable_path()));
  told.set_destination(std::move(*event.mutable_destination()));
  Push(std::move(told), bytes);
}

}  // namespace warren
