#include <memory>
#include <string>
#include <utility>

#include "runtime/base/status.h"
#include "supervisor/backend/validate_file.h"
#include "supervisor/local/file_operation.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"
#include "supervisor/session/file_call.h"
#include "supervisor/session/file_upload.h"

// The files of a leased sandbox. Its agent is spoken with on the IO thread: every call goes on
// there.
namespace warren {
namespace {

internal::FileCall CallAs(const FileUser& user) {
  internal::FileCall call;
  call.set_uid(user.uid);
  call.set_gid(user.gid);
  return call;
}

void Begin(IoLoop& loop, std::shared_ptr<FileCall> file, internal::FileCall call) {
  loop.Post(
      [file = std::move(file), call = std::move(call)]() mutable { file->Start(std::move(call)); });
}

FileQuestion::Answer TellEntry(Reply<warren::v1::FileEntry> reply) {
  return [reply = std::move(reply)](absl::StatusOr<internal::FileFacts> facts) mutable {
    if (!facts.ok()) return reply(facts.status());
    reply(ToFileEntry(*std::move(facts)));
  };
}

// For what was refused.
class NoUpload final : public Upload {
 public:
  void Resume() override {}
  void Cancel() override {}
  Flow Write(std::string) override { return Flow::kContinue; }
  void Close() override {}
};

}  // namespace

absl::StatusOr<FileUser> LocalSandbox::AdmitFileCall(const absl::Status& valid,
                                                     const std::string& user) const {
  WARREN_RETURN_IF_ERROR(valid);
  WARREN_RETURN_IF_ERROR(CheckUsable());
  return backend_.FindFileUser(sandbox_->identity().template_id, user);
}

template <class Stream, class Event>
std::unique_ptr<Operation> LocalSandbox::StreamFiles(const absl::StatusOr<FileUser>& user,
                                                     FileSubject subject, internal::FileCall call,
                                                     std::shared_ptr<Sink<Event>> sink) {
  if (!user.ok()) {
    sink->End(user.status());
    return std::make_unique<FileOperation>(backend_.loop(), nullptr);
  }
  auto file = std::make_shared<Stream>(sandbox_, std::move(subject), std::move(sink));
  call.set_uid(user->uid);
  call.set_gid(user->gid);
  Begin(backend_.loop(), file, std::move(call));
  return std::make_unique<FileOperation>(backend_.loop(), std::move(file));
}

std::unique_ptr<Operation> LocalSandbox::ReadFile(const Call&,
                                                  const warren::v1::ReadFileRequest& request,
                                                  std::shared_ptr<ReadSink> sink) {
  warren::v1::ReadFileRequest valid = request;
  const auto user = AdmitFileCall(ValidateReadFile(valid), request.user());
  internal::FileCall call;
  internal::ReadFileCall& read = *call.mutable_read();
  read.set_path(valid.path());
  read.set_offset(static_cast<uint64_t>(valid.offset()));
  if (valid.has_length()) read.set_length(static_cast<uint64_t>(valid.length()));
  return StreamFiles<FileDownload>(user, {"read", valid.path()}, std::move(call), std::move(sink));
}

std::unique_ptr<Operation> LocalSandbox::ListDirectory(
    const Call&, const warren::v1::ListDirectoryRequest& request,
    std::shared_ptr<Sink<warren::v1::FileEntry>> sink) {
  warren::v1::ListDirectoryRequest valid = request;
  const auto user = AdmitFileCall(ValidateListDirectory(valid), request.user());
  internal::FileCall call;
  call.mutable_list()->set_path(valid.path());
  call.mutable_list()->set_depth(static_cast<uint32_t>(valid.depth()));
  return StreamFiles<DirectoryListing>(user, {"list", valid.path()}, std::move(call),
                                       std::move(sink));
}

std::unique_ptr<Operation> LocalSandbox::WatchDirectory(
    const Call&, const warren::v1::WatchDirectoryRequest& request,
    std::shared_ptr<Sink<warren::v1::FileEvent>> sink) {
  warren::v1::WatchDirectoryRequest valid = request;
  const auto user = AdmitFileCall(ValidateWatchDirectory(valid), request.user());
  internal::FileCall call;
  call.mutable_watch()->set_path(valid.path());
  call.mutable_watch()->set_recursive(valid.recursive());
  return StreamFiles<DirectoryWatch>(user, {"watch", valid.path()}, std::move(call),
                                     std::move(sink));
}

std::unique_ptr<Upload> LocalSandbox::WriteFile(const Call&,
                                                const warren::v1::WriteFileRequest::Header& header,
                                                absl::AnyInvocable<void()> on_room,
                                                Reply<warren::v1::WriteFileResponse> reply) {
  warren::v1::WriteFileRequest::Header valid = header;
  const auto user = AdmitFileCall(ValidateWriteFile(valid), header.user());
  if (!user.ok()) {
    reply(user.status());
    return std::make_unique<NoUpload>();
  }
  internal::FileCall call = CallAs(*user);
  internal::WriteFileCall& write = *call.mutable_write();
  write.set_path(valid.path());
  if (valid.has_mode()) write.set_mode(valid.mode());
  write.set_exclusive(valid.exclusive());
  write.set_append(valid.append());
  if (valid.has_offset()) write.set_offset(static_cast<uint64_t>(valid.offset()));
  write.set_no_parents(valid.no_parents());
  write.set_sha256(valid.sha256());
  *write.mutable_attributes() = valid.attributes();
  auto upload =
      std::make_shared<FileUpload>(sandbox_, FileSubject{"write", valid.path()}, &backend_.memory(),
                                   std::move(on_room), std::move(reply));
  Begin(backend_.loop(), upload, std::move(call));
  return std::make_unique<UploadOperation>(backend_.loop(), std::move(upload));
}

void LocalSandbox::StatFile(const Call&, const warren::v1::StatFileRequest& request,
                            Reply<warren::v1::FileEntry> reply) {
  warren::v1::StatFileRequest valid = request;
  const auto user = AdmitFileCall(ValidateStatFile(valid), request.user());
  if (!user.ok()) return reply(user.status());
  internal::FileCall call = CallAs(*user);
  call.mutable_stat()->set_path(valid.path());
  call.mutable_stat()->set_follow(valid.follow());
  Begin(backend_.loop(),
        std::make_shared<FileQuestion>(sandbox_, FileSubject{"stat", valid.path()},
                                       TellEntry(std::move(reply))),
        std::move(call));
}

void LocalSandbox::MakeDirectory(const Call&, const warren::v1::MakeDirectoryRequest& request,
                                 Reply<warren::v1::FileEntry> reply) {
  warren::v1::MakeDirectoryRequest valid = request;
  const auto user = AdmitFileCall(ValidateMakeDirectory(valid), request.user());
  if (!user.ok()) return reply(user.status());
  internal::FileCall call = CallAs(*user);
  call.mutable_make_directory()->set_path(valid.path());
  call.mutable_make_directory()->set_mode(valid.mode());
  Begin(backend_.loop(),
        std::make_shared<FileQuestion>(sandbox_, FileSubject{"make directory", valid.path()},
                                       TellEntry(std::move(reply))),
        std::move(call));
}

void LocalSandbox::MoveFile(const Call&, const warren::v1::MoveFileRequest& request,
                            Reply<warren::v1::FileEntry> reply) {
  warren::v1::MoveFileRequest valid = request;
  const auto user = AdmitFileCall(ValidateMoveFile(valid), request.user());
  if (!user.ok()) return reply(user.status());
  internal::FileCall call = CallAs(*user);
  call.mutable_move()->set_source(valid.source());
  call.mutable_move()->set_destination(valid.destination());
  Begin(backend_.loop(),
        std::make_shared<FileQuestion>(sandbox_, FileSubject{"move", valid.source()},
                                       TellEntry(std::move(reply))),
        std::move(call));
}

void LocalSandbox::RemoveFile(const Call&, const warren::v1::RemoveFileRequest& request,
                              Reply<warren::v1::RemoveFileResponse> reply) {
  warren::v1::RemoveFileRequest valid = request;
  const auto user = AdmitFileCall(ValidateRemoveFile(valid), request.user());
  if (!user.ok()) return reply(user.status());
  internal::FileCall call = CallAs(*user);
  call.mutable_remove()->set_path(valid.path());
  call.mutable_remove()->set_recursive(valid.recursive());
  auto answer = [reply = std::move(reply)](absl::StatusOr<internal::FileFacts> facts) mutable {
    if (!facts.ok()) return reply(facts.status());
    reply(warren::v1::RemoveFileResponse());
  };
  Begin(backend_.loop(),
        std::make_shared<FileQuestion>(sandbox_, FileSubject{"remove", valid.path()},
                                       std::move(answer)),
        std::move(call));
}

}  // namespace warren
