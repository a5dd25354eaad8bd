// Files; envd_client.cc has the processes.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/backend/validate_file.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/e2b/envd/cloud_download.h"
#include "supervisor/e2b/envd/cloud_operation.h"
#include "supervisor/e2b/envd/cloud_upload.h"
#include "supervisor/e2b/envd/cloud_watch.h"
#include "supervisor/e2b/envd/envd_client.h"

namespace warren {
namespace {

constexpr char kCloudAttributes[] = "user.e2b.";

absl::Status CloudCannot(absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(
      "files.parts cannot be had on a backend that is E2B's cloud, which writes whole files: ",
      what));
}

// They go into headers.
bool IsHeaderAttribute(absl::string_view name, absl::string_view value) {
  absl::string_view key = name.substr(std::min(name.size(), sizeof(kCloudAttributes) - 1));
  return absl::StartsWith(name, kCloudAttributes) && !key.empty() &&
         std::all_of(key.begin(), key.end(),
                     [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' ||
                              c == '_';
                     }) &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

absl::Status CheckHeader(v1::WriteFileRequest::Header& header) {
  if (absl::Status status = ValidateWriteFile(header); !status.ok()) return status;
  if (header.exclusive()) return CloudCannot("exclusive");
  if (header.append()) return CloudCannot("append");
  if (header.has_offset()) return CloudCannot("offset");
  if (header.no_parents()) return CloudCannot("no_parents");
  for (const auto& [name, value] : header.attributes()) {
    if (!IsHeaderAttribute(name, value)) {
      return absl::UnimplementedError(
          "attributes other than \"user.e2b.NAME\", with printable values, cannot be had on a "
          "backend that is E2B's cloud");
    }
  }
  return EnvdFilePath(header.path()).status();
}

class RefusedFileOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

class RefusedUpload final : public Upload {
 public:
  void Resume() override {}
  void Cancel() override {}
  Flow Write(std::string) override { return Flow::kContinue; }
  void Close() override {}
};

class CloudUploadOperation final : public CloudOperation<CloudUpload, Upload> {
 public:
  CloudUploadOperation(std::shared_ptr<Cloud> cloud, std::weak_ptr<CloudUpload> upload)
      : CloudOperation(std::move(cloud), upload), upload_(std::move(upload)) {}
  Flow Write(std::string data) override {
    const auto upload = upload_.lock();
    return upload != nullptr ? upload->Write(std::move(data)) : Flow::kContinue;
  }
  void Close() override {
    if (const auto upload = upload_.lock()) upload->Close();
  }

 private:
  // Who waits for its answer holds it.
  const std::weak_ptr<CloudUpload> upload_;
};

// A list on its way to who may be slow: it is held whole, and handed over as there is room.
class CloudListing final : public std::enable_shared_from_this<CloudListing> {
 public:
  CloudListing(FilesOf files, v1::ListDirectoryRequest request,
               std::shared_ptr<Sink<v1::FileEntry>> sink)
      : files_(std::move(files)),
        request_(std::move(request)),
        sink_(std::move(sink)),
        use_(files_.sandbox->use),
        charge_(&files_.cloud->memory()) {}
  ~CloudListing() {
    // Nothing that it waited for is there any more.
    if (sink_ != nullptr) sink_->End(absl::UnavailableError("the backend is being shut down"));
  }

  void Start() {
    ListCloudDirectory(files_, request_.path(),
                       static_cast<uint32_t>(std::max(request_.depth(), 1)),
                       [self = shared_from_this()](absl::StatusOr<Entries> entries) {
                         self->OnEntries(std::move(entries));
                       });
  }
  void Resume() {
    while (sink_ != nullptr && next_ < entries_.size()) {
      if (sink_->Push(std::move(entries_[next_++])) == Flow::kPause) {
        return Keep();
      }
    }
    if (listed_) End(absl::OkStatus());
  }
  void Cancel() { End(absl::CancelledError("the client has gone")); }

 private:
  // Until it is resumed, or the backend goes: by the loop, which drops it then.
  void Keep() {
    if (kept_ != 0) return;
    kept_ = files_.cloud->loop().AddTimer(MonotonicTime::max(), [self = shared_from_this()] {});
  }
  void OnEntries(absl::StatusOr<Entries> entries) {
    if (!entries.ok()) return End(entries.status());
    entries_ = *std::move(entries);
    listed_ = true;
    for (const v1::FileEntry& entry : entries_)
      charge_.Add(static_cast<int64_t>(entry.ByteSizeLong()));
    Resume();
  }
  void End(absl::Status status) {
    const auto self = shared_from_this();
    files_.cloud->loop().CancelTimer(std::exchange(kept_, 0));
    use_.End();
    if (auto sink = std::exchange(sink_, nullptr)) sink->End(std::move(status));
  }

  const FilesOf files_;
  const v1::ListDirectoryRequest request_;
  std::shared_ptr<Sink<v1::FileEntry>> sink_;
  SandboxUse use_;
  MemoryCharge charge_;
  Entries entries_;
  size_t next_ = 0;
  bool listed_ = false;
  TimerId kept_ = 0;
};

template <class T>
std::unique_ptr<Operation> BeginOperation(const std::shared_ptr<Cloud>& cloud,
                                          const std::shared_ptr<T>& what) {
  cloud->Post([what] { what->Start(); });
  return std::make_unique<CloudOperation<T>>(cloud, what);
}

template <class Event>
std::unique_ptr<Operation> RefuseFile(Sink<Event>& sink, absl::Status why) {
  sink.End(std::move(why));
  return std::make_unique<RefusedFileOperation>();
}

}  // namespace

std::unique_ptr<Operation> EnvdClient::ReadFile(
    const Call&, v1::ReadFileRequest request, std::shared_ptr<SandboxHandle::ReadSink> sink) const {
  absl::Status status = ValidateReadFile(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return RefuseFile(*sink, std::move(status));
  FilesOf files = Files(request.user());
  return BeginOperation(cloud_, std::make_shared<CloudDownload>(
                                    std::move(files), std::move(request), std::move(sink)));
}

std::unique_ptr<Upload> EnvdClient::WriteFile(const Call&, v1::WriteFileRequest::Header header,
                                              absl::AnyInvocable<void()> on_room,
                                              Reply<v1::WriteFileResponse> reply) const {
  if (absl::Status status = CheckHeader(header); !status.ok()) {
    reply(std::move(status));
    return std::make_unique<RefusedUpload>();
  }
  FilesOf files = Files(header.user());
  auto upload = std::make_shared<CloudUpload>(std::move(files), std::move(header),
                                              std::move(on_room), SureReply(std::move(reply)));
  cloud_->Post([upload] { upload->Start(); });
  return std::make_unique<CloudUploadOperation>(cloud_, std::move(upload));
}

void EnvdClient::StatFile(const Call&, v1::StatFileRequest request,
                          Reply<v1::FileEntry> reply) const {
  absl::Status status = ValidateStatFile(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return reply(std::move(status));
  cloud_->Post([files = Files(request.user()), path = request.path(), follow = request.follow(),
                reply = SureReply(std::move(reply))]() mutable {
    StatCloudFile(
        files, path,
        [files, follow, reply = std::move(reply)](absl::StatusOr<v1::FileEntry> entry) mutable {
          const bool leads = entry.ok() && follow && !entry->symlink_target().empty();
          if (!leads) return reply(std::move(entry));
          StatCloudFile(files, entry->symlink_target(), std::move(reply));
        });
  });
}

std::unique_ptr<Operation> EnvdClient::ListDirectory(
    const Call&, v1::ListDirectoryRequest request,
    std::shared_ptr<Sink<v1::FileEntry>> sink) const {
  absl::Status status = ValidateListDirectory(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return RefuseFile(*sink, std::move(status));
  FilesOf files = Files(request.user());
  return BeginOperation(cloud_, std::make_shared<CloudListing>(std::move(files), std::move(request),
                                                               std::move(sink)));
}

void EnvdClient::MakeDirectory(const Call&, v1::MakeDirectoryRequest request,
                               Reply<v1::FileEntry> reply) const {
  absl::Status status = ValidateMakeDirectory(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return reply(std::move(status));
  FilesOf files = Files(request.user());
  cloud_->Post([files = std::move(files), request = std::move(request),
                reply = SureReply(std::move(reply))]() mutable {
    MakeCloudDirectory(files, request, std::move(reply));
  });
}

void EnvdClient::MoveFile(const Call&, v1::MoveFileRequest request,
                          Reply<v1::FileEntry> reply) const {
  absl::Status status = ValidateMoveFile(request);
  if (status.ok()) status = EnvdFilePath(request.source()).status();
  if (status.ok()) status = EnvdFilePath(request.destination()).status();
  if (!status.ok()) return reply(std::move(status));
  FilesOf files = Files(request.user());
  cloud_->Post([files = std::move(files), request = std::move(request),
                reply = SureReply(std::move(reply))]() mutable {
    MoveCloudFile(files, request, std::move(reply));
  });
}

void EnvdClient::RemoveFile(const Call&, v1::RemoveFileRequest request,
                            Reply<v1::RemoveFileResponse> reply) const {
  absl::Status status = ValidateRemoveFile(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return reply(std::move(status));
  FilesOf files = Files(request.user());
  cloud_->Post([files = std::move(files), request = std::move(request),
                reply = SureReply(std::move(reply))]() mutable {
    RemoveCloudFile(files, request, std::move(reply));
  });
}

std::unique_ptr<Operation> EnvdClient::WatchDirectory(
    const Call&, v1::WatchDirectoryRequest request,
    std::shared_ptr<Sink<v1::FileEvent>> sink) const {
  absl::Status status = ValidateWatchDirectory(request);
  if (status.ok()) status = EnvdFilePath(request.path()).status();
  if (!status.ok()) return RefuseFile(*sink, std::move(status));
  FilesOf files = Files(request.user());
  return BeginOperation(
      cloud_, std::make_shared<CloudWatch>(std::move(files), std::move(request), std::move(sink)));
}

}  // namespace warren
