#include "supervisor/gateway/envd/file_transfer_upload.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/file_transfer_error.h"
#include "supervisor/gateway/envd/file_transfer_writer.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/http/multipart.h"

namespace warren {
namespace {

constexpr char kMetadataHeader[] = "x-metadata-";
// A Content-Type that is not taken is told back.
constexpr size_t kMaxToldType = 128;

using Metadata = std::map<std::string, std::string>;

// Names in lower case, as envd has them.
Metadata MetadataOf(const HttpFields& fields) {
  Metadata metadata;
  for (const auto& field : fields) {
    const auto name = field.name_string();
    std::string key = absl::AsciiStrToLower(absl::string_view(name.data(), name.size()));
    if (!absl::StartsWith(key, kMetadataHeader)) continue;
    const auto value = field.value();
    metadata.emplace(key.substr(sizeof(kMetadataHeader) - 1),
                     std::string(value.data(), value.size()));
  }
  return metadata;
}

bool IsRawBody(absl::string_view content_type) {
  const absl::string_view type = content_type.substr(0, content_type.find(';'));
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(type), "application/octet-stream");
}

// The files of one request.
class FileReceiver {
 public:
  FileReceiver(Exchange& exchange, std::shared_ptr<SandboxHandle> handle, const FileQuery& query)
      : exchange_(exchange),
        handle_(std::move(handle)),
        query_(query),
        metadata_(MetadataOf(exchange.fields())) {}

  Async<void> Run() {
    // What a file may have is the sandbox's disk's to say.
    exchange_.SetBodyLimit(Exchange::kNoBodyLimit);
    const absl::string_view type = exchange_.header("Content-Type");
    absl::Status received;
    if (IsRawBody(type)) {
      received = co_await ReceiveRaw();
    } else if (absl::StartsWithIgnoreCase(type, "multipart/")) {
      received = co_await ReceiveForm(type);
    } else {
      received = absl::InvalidArgumentError(
          absl::StrCat("unsupported content type: ", PathText(type.substr(0, kMaxToldType)),
                       ", expected multipart/form-data or application/octet-stream"));
    }
    // One that was cut off is cancelled before anybody is answered.
    writer_.reset();
    if (received.ok()) {
      co_await AnswerJson(exchange_, HttpStatus::ok, written_);
    } else {
      co_await AnswerTransferError(exchange_, Subject(), std::move(received));
    }
  }

 private:
  TransferSubject Subject() const {
    return {handle_, path_, query_.user, TransferSubject::Way::kUpload};
  }

  // INVALID_ARGUMENT: the path is none, or one of this request's already.
  absl::Status BeginFile(absl::string_view path) {
    if (path.empty()) {
      return absl::InvalidArgumentError(
          "no path for the file: name it in the query parameter path, or as the part's filename");
    }
    absl::StatusOr<std::string> absolute = EnvdPath(path, query_.user);
    if (!absolute.ok()) return absolute.status();
    path_ = *std::move(absolute);
    if (std::find(paths_.begin(), paths_.end(), path_) != paths_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("you cannot upload multiple files to the same path '", PathText(path_),
                       "' in one upload request, only the first of them was uploaded"));
    }
    paths_.push_back(path_);
    v1::WriteFileRequest::Header header;
    header.set_path(path_);
    header.set_user(query_.user);
    for (const auto& [key, value] : metadata_)
      (*header.mutable_attributes())[absl::StrCat(kMetadataAttribute, key)] = value;
    writer_.emplace(exchange_, *handle_, header);
    return absl::OkStatus();
  }

  // The backend's own word where it has said that the file cannot be, else OK.
  Async<absl::Status> Take(std::string data) {
    const bool taken = co_await writer_->Write(std::move(data));
    if (taken) co_return absl::OkStatus();
    auto answer = co_await writer_->Finish();
    co_return answer.ok() ? absl::InternalError("the file was answered before its end")
                          : answer.status();
  }

  Async<absl::Status> EndFile() {
    auto answer = co_await writer_->Finish();
    writer_.reset();
    if (!answer.ok()) co_return answer.status();
    nlohmann::json file;
    file["name"] = PathText(PathName(path_));
    file["type"] = "file";
    file["path"] = PathText(path_);
    if (!metadata_.empty()) file["metadata"] = metadata_;
    written_.push_back(std::move(file));
    co_return absl::OkStatus();
  }

  Async<absl::Status> ReceiveRaw() {
    absl::Status status = BeginFile(query_.path.value_or(""));
    while (status.ok()) {
      auto piece = co_await exchange_.ReadPiece();
      if (!piece.ok()) co_return piece.status();
      if (piece->empty()) co_return co_await EndFile();
      status = co_await Take(*std::move(piece));
    }
    co_return status;
  }

  Async<absl::Status> ReceiveForm(absl::string_view type) {
    auto form = Multipart::Make(type);
    if (!form.ok()) co_return form.status();
    for (;;) {
      auto event = form->Next();
      if (!event.ok()) co_return event.status();
      if (*event == Multipart::Event::kEnd) break;
      absl::Status status;
      if (*event == Multipart::Event::kMore) {
        auto piece = co_await exchange_.ReadPiece();
        if (!piece.ok()) co_return piece.status();
        if (piece->empty())
          co_return absl::InvalidArgumentError("the form is cut off: it has no last boundary");
        form->Give(*piece);
      } else {
        status = co_await OnForm(*event, *form);
      }
      if (!status.ok()) co_return status;
    }
    // What stands behind the form is nobody's.
    co_return absl::OkStatus();
  }

  Async<absl::Status> OnForm(Multipart::Event event, Multipart& form) {
    if (event == Multipart::Event::kPart) {
      const Multipart::Part& part = form.part();
      // Other fields are nothing to envd.
      if (part.name != "file") co_return absl::OkStatus();
      const bool named = query_.path && !query_.path->empty();
      co_return BeginFile(named ? *query_.path : part.filename.value_or(""));
    }
    if (!writer_) co_return absl::OkStatus();
    if (event == Multipart::Event::kData) co_return co_await Take(form.TakeData());
    co_return co_await EndFile();
  }

  Exchange& exchange_;
  const std::shared_ptr<SandboxHandle> handle_;
  const FileQuery& query_;
  const Metadata metadata_;
  // Of the file that is coming, or came last.
  std::string path_;
  std::optional<SandboxFileWriter> writer_;
  std::vector<std::string> paths_;
  nlohmann::json written_ = nlohmann::json::array();
};

}  // namespace

Async<void> ReceiveFiles(Exchange& exchange, std::shared_ptr<SandboxHandle> handle,
                         const FileQuery& query) {
  FileReceiver receiver(exchange, std::move(handle), query);
  co_await receiver.Run();
}

}  // namespace warren
