#include "supervisor/gateway/envd/file_transfer_download.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "supervisor/backend/file_queue.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/envd/byte_range.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/file_transfer_error.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/filesystem_stream.h"
#include "supervisor/gateway/http/gzip.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

constexpr char kFileType[] = "application/octet-stream";

bool IsPlainInQuotes(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

// One download.
class FileDownloader {
 public:
  FileDownloader(Exchange& exchange, std::shared_ptr<SandboxHandle> handle, std::string path,
                 std::string user)
      : exchange_(exchange),
        subject_{std::move(handle), std::move(path), std::move(user),
                 TransferSubject::Way::kDownload} {}

  Async<void> Run() {
    // Without a validator of ours that a client could have seen, If-Range never matches: all of it
    // is sent.
    const bool ranged = !exchange_.header("Range").empty() && exchange_.header("If-Range").empty();
    const bool head = exchange_.method() == "HEAD";
    if (ranged || head) {
      // The size, before anything is read: where a range lies is said by it.
      auto entry = co_await StatTarget(subject_.handle, subject_.user, subject_.path);
      if (entry.ok() && entry->type() != v1::FileEntry::REGULAR)
        entry = absl::FailedPreconditionError("it is no regular file");
      if (!entry.ok()) {
        co_await AnswerTransferError(exchange_, subject_, entry.status());
        co_return;
      }
      size_ = static_cast<uint64_t>(entry->size_bytes());
      range_ = {ByteRange::Kind::kWhole, 0, size_};
      if (ranged) range_ = ParseByteRange(exchange_.header("Range"), size_);
    }
    if (range_.kind == ByteRange::Kind::kNone) {
      co_await AnswerNoSuchRange();
    } else if (head) {
      co_await BeginPlain();
      co_await exchange_.End();
    } else {
      co_await Send();
    }
  }

 private:
  Async<void> AnswerNoSuchRange() {
    exchange_.answer_fields().set(http::field::content_range, absl::StrCat("bytes */", size_));
    co_await AnswerError(
        exchange_, HttpStatus::range_not_satisfiable,
        absl::StrCat("the file has ", size_, " bytes, and none where the Range header says"));
  }

  Async<void> Send() {
    BackendStream<FileDataQueue> stream(exchange_);
    v1::ReadFileRequest request;
    request.set_path(subject_.path);
    request.set_user(subject_.user);
    if (range_.kind == ByteRange::Kind::kPart) {
      request.set_offset(static_cast<int64_t>(range_.first));
      request.set_length(static_cast<int64_t>(range_.length));
    }
    exchange_.WatchClient();
    stream.queue()->Attach(subject_.handle->ReadFile(Call(), request, stream.queue()));
    const bool begun = co_await Begin(stream);
    if (!begun) co_return;
    const bool whole = co_await Copy(stream);
    if (!whole) exchange_.Hangup();
  }

  // The headers, when the file is open. False: that was all.
  Async<bool> Begin(BackendStream<FileDataQueue>& stream) {
    auto item = co_await stream.Next(SteadyTime::max());
    if (!item) co_return false;
    if (item->ended || !item->event.has_entry()) {
      absl::Status status = item->ended ? std::move(item->status)
                                        : absl::InternalError("the file began without its size");
      co_await AnswerTransferError(exchange_, subject_, std::move(status));
      co_return false;
    }
    const uint64_t size = static_cast<uint64_t>(item->event.entry().size_bytes());
    if (range_.kind == ByteRange::Kind::kPart && size != size_) {
      co_await AnswerTransferError(
          exchange_, subject_,
          absl::AbortedError("the file was changed while it was looked at: ask again"));
      co_return false;
    }
    size_ = size;
    if (range_.kind == ByteRange::Kind::kWhole) {
      range_.length = size_;
      if (exchange_.header("Range").empty() && WantsGzip(exchange_.header("Accept-Encoding")))
        co_return co_await BeginPacked();
    }
    co_return co_await BeginPlain();
  }

  void SetFields() {
    HttpFields& fields = exchange_.answer_fields();
    fields.set(http::field::content_disposition, ContentDisposition(subject_.path));
    fields.set(http::field::vary, "Accept-Encoding");
    // A sandbox's file is nothing that a browser shall execute.
    fields.set("X-Content-Type-Options", "nosniff");
  }

  Async<bool> BeginPlain() {
    SetFields();
    exchange_.answer_fields().set(http::field::accept_ranges, "bytes");
    HttpStatus status = HttpStatus::ok;
    if (range_.kind == ByteRange::Kind::kPart) {
      status = HttpStatus::partial_content;
      exchange_.answer_fields().set(
          http::field::content_range,
          absl::StrCat("bytes ", range_.first, "-", range_.first + range_.length - 1, "/", size_));
    }
    co_return co_await exchange_.Begin(status, kFileType, range_.length);
  }

  Async<bool> BeginPacked() {
    auto gzip = Gzip::Make();
    if (!gzip.ok()) co_return co_await BeginPlain();
    gzip_.emplace(*std::move(gzip));
    SetFields();
    exchange_.answer_fields().set(http::field::content_encoding, "gzip");
    co_return co_await exchange_.Begin(HttpStatus::ok, kFileType);
  }

  // False: it did not come to its end.
  Async<bool> Copy(BackendStream<FileDataQueue>& stream) {
    uint64_t left = range_.length;
    // Not to the end of the stream: a client that has what it was promised asks for the next, on
    // this connection, and the sandbox may be gone before that end comes.
    while (left > 0) {
      auto item = co_await stream.Next(SteadyTime::max());
      if (!item || item->ended || item->event.has_end()) co_return false;
      // What the headers promise is sent, whatever comes.
      absl::string_view data = item->event.data();
      data = data.substr(0, static_cast<size_t>(std::min<uint64_t>(left, data.size())));
      left -= data.size();
      const bool written = co_await Write(data);
      if (!written) co_return false;
    }
    if (gzip_) {
      const std::string rest = gzip_->Finish();
      const bool written = co_await exchange_.Write(rest);
      if (!written) co_return false;
    }
    co_return co_await exchange_.End();
  }

  Async<bool> Write(absl::string_view data) {
    if (!gzip_) co_return co_await exchange_.Write(data);
    const std::string packed = gzip_->Add(data);
    co_return co_await exchange_.Write(packed);
  }

  Exchange& exchange_;
  const TransferSubject subject_;
  // Of the file.
  uint64_t size_ = 0;
  ByteRange range_;
  std::optional<Gzip> gzip_;
};

}  // namespace

bool WantsGzip(absl::string_view accept_encoding) {
  bool gzip = false;
  for (absl::string_view part : absl::StrSplit(accept_encoding, ',')) {
    const std::vector<absl::string_view> coding = absl::StrSplit(part, ';');
    const absl::string_view name = absl::StripAsciiWhitespace(coding[0]);
    if (name.empty() || absl::EqualsIgnoreCase(name, "identity")) continue;
    if (!absl::EqualsIgnoreCase(name, "gzip")) return false;
    // "gzip;q=0" wants none.
    gzip = coding.size() == 1 || !absl::StartsWith(absl::StripAsciiWhitespace(coding[1]), "q=0");
  }
  return gzip;
}

std::string ContentDisposition(absl::string_view path) {
  const absl::string_view name = PathName(path);
  std::string plain;
  std::string encoded;
  for (char c : name) {
    plain += IsPlainInQuotes(c) ? c : '_';
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_') {
      encoded += c;
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  std::string disposition = absl::StrCat("inline; filename=\"", plain, "\"");
  if (plain != name) absl::StrAppend(&disposition, "; filename*=UTF-8''", encoded);
  return disposition;
}

Async<void> SendFile(Exchange& exchange, std::shared_ptr<SandboxHandle> handle, std::string path,
                     std::string user) {
  FileDownloader downloader(exchange, std::move(handle), std::move(path), std::move(user));
  co_await downloader.Run();
}

}  // namespace warren
