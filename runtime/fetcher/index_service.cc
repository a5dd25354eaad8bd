#include "runtime/fetcher/index_service.h"

#include <unistd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/fetcher/byte_range.h"
#include "runtime/fetcher/file_reply.h"
#include "runtime/fetcher/simple_page.h"
#include "runtime/fetcher/times.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/packages/package_name.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using std::chrono::milliseconds;

constexpr uint32_t kMaxRequestHead = 8 << 10;
constexpr size_t kFilePiece = 256 << 10;
constexpr char kSimpleRoot[] = "/simple/";

constexpr int kMovedPermanently = 301;
constexpr int kBadRequest = 400;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr int kRangeNotSatisfiable = 416;
constexpr int kMisdirected = 421;
constexpr int kHeadTooLarge = 431;
constexpr int kBadGateway = 502;
constexpr int kUnavailable = 503;

absl::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

milliseconds AtPace(milliseconds time, double pace) {
  return std::chrono::duration_cast<milliseconds>(time * pace);
}

bool IsThisHost(absl::string_view host) {
  absl::ConsumeSuffix(&host, absl::StrCat(":", kPackageIndexPort));
  return absl::EqualsIgnoreCase(host, kPackageIndexHost);
}

std::optional<ByteRange> RangeOf(const HttpRequest& request) {
  // Whether it is still the same file cannot be told: so it gets all of it.
  if (request.count(http::field::if_range) > 0) return std::nullopt;
  return ParseByteRange(View(request[http::field::range]));
}

// Nothing of a file that ended before its size.
bool PassOn(int fd, BytePart part, FileReply& reply) {
  std::vector<char> piece(kFilePiece);
  while (part.size > 0) {
    const size_t most = std::min(piece.size(), static_cast<size_t>(part.size));
    const ssize_t size = ::pread(fd, piece.data(), most, part.offset);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0 || !reply.OnBytes({piece.data(), static_cast<size_t>(size)})) return false;
    part.offset += size;
    part.size -= size;
  }
  return true;
}

}  // namespace

IndexService::IndexService(const IndexShare& share, internal::PackageConnection who, int client)
    : share_(share),
      who_(std::move(who)),
      stream_(client, AtPace(kClientStallTime, share.web.pace)),
      client_(share.web, is_gone_),
      unread_(2 * kMaxRequestHead) {}

void IndexService::Serve() {
  HttpOutcome outcome = HttpOutcome::kGoesOn;
  while (outcome == HttpOutcome::kGoesOn) {
    stream_.ReadWithin(AtPace(kClientIdleTime, share_.web.pace));
    const Heard heard = ReadRequest();
    if (heard == Heard::kNothing) return;
    HttpReply wrong = ErrorReply(
        heard == Heard::kTooLong ? kHeadTooLarge : kBadRequest,
        heard == Heard::kTooLong ? "the request's head is too long" : "the request is no HTTP");
    wrong.closes = true;
    outcome = heard == Heard::kRequest ? Answer() : SendReply(request_, std::move(wrong), stream_);
  }
  if (outcome == HttpOutcome::kEnds) stream_.Linger(AtPace(kClientLingerTime, share_.web.pace));
}

void IndexService::Refuse(absl::string_view reason) {
  stream_.ReadWithin(AtPace(kRefusedTime, share_.web.pace));
  if (ReadRequest() == Heard::kNothing) return;
  HttpReply reply = ErrorReply(kUnavailable, reason);
  reply.closes = true;
  if (SendReply(request_, std::move(reply), stream_) == HttpOutcome::kEnds)
    stream_.Linger(AtPace(kClientLingerTime, share_.web.pace));
}

IndexService::Heard IndexService::ReadRequest() {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxRequestHead);
  request_ = {};
  beast::error_code error;
  http::read_header(stream_, unread_, parser, error);
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return Heard::kTooLong;
  // Its own errors are about what was said; others about the connection.
  if (error == http::error::end_of_stream || error == http::error::partial_message)
    return Heard::kNothing;
  if (error && error.category() != http::make_error_code(http::error::bad_method).category())
    return Heard::kNothing;
  if (error) return Heard::kNoHttp;
  has_body_ = parser.chunked() || parser.content_length().value_or(0) > 0;
  request_ = parser.release();
  return Heard::kRequest;
}

std::optional<HttpReply> IndexService::WrongWithRequest() const {
  std::optional<HttpReply> wrong;
  if (has_body_) {
    wrong = ErrorReply(kBadRequest, "a request to the package index has no body");
  } else if (request_.count(http::field::host) != 1 ||
             !IsThisHost(View(request_[http::field::host]))) {
    wrong = ErrorReply(kMisdirected, absl::StrCat("this is ", kPackageIndexHost,
                                                  ", and the request is not for it"));
  } else if (request_.method() != http::verb::get && request_.method() != http::verb::head) {
    wrong = ErrorReply(kMethodNotAllowed, "the package index has GET and HEAD alone");
  }
  if (wrong) wrong->closes = true;
  return wrong;
}

HttpOutcome IndexService::Answer() {
  if (std::optional<HttpReply> wrong = WrongWithRequest())
    return SendReply(request_, *std::move(wrong), stream_);
  absl::string_view path = View(request_.target());
  path = path.substr(0, path.find('?'));
  if (path == "/") {
    HttpReply reply;
    reply.body = "the package index of this Warren server\n";
    return SendReply(request_, std::move(reply), stream_);
  }
  if (absl::StartsWith(path, "/files/")) return AnswerFile();
  if (absl::ConsumePrefix(&path, kSimpleRoot) && !path.empty()) return AnswerPage(path);
  return Fail(kNotFound, "packages are at /simple/NAME/");
}

HttpOutcome IndexService::Fail(int status, absl::string_view reason) {
  return SendReply(request_, ErrorReply(status, reason), stream_);
}

// ---- Pages ------------------------------------------------------------------------------------

PackageRules::Decision IndexService::Decide(absl::string_view package) const {
  const PackageRules& rules = share_.catalog.rules();
  PackageRules::Decision named = rules.DecideName(package);
  if (named.allowed) return named;
  PackageRules::Decision needed = rules.DecideDependency(package);
  if (!needed.allowed || who_.client() == internal::BUILDER || IsDependency(package)) return needed;
  return named;
}

bool IndexService::IsDependency(absl::string_view package) const {
  while (!share_.learned.Has(package)) {
    if (!share_.questions.Ask(who_.sandbox_id(), is_gone_)) return share_.learned.Has(package);
  }
  return true;
}

HttpOutcome IndexService::AnswerPage(absl::string_view name) {
  const bool is_directory = absl::ConsumeSuffix(&name, "/");
  if (!IsPackageName(name)) return Fail(kNotFound, "that is no package's name");
  const std::string package = NormalizedPackageName(name);
  if (!is_directory || name != package) {
    HttpReply reply;
    reply.status = kMovedPermanently;
    reply.location = absl::StrCat(kSimpleRoot, package, "/");
    return SendReply(request_, std::move(reply), stream_);
  }
  const PackageRules::Decision decision = Decide(package);
  if (!decision.allowed) {
    share_.refusals.Tell(who_.sandbox_id(), package, decision.reason);
    return Fail(kForbidden, decision.reason);
  }
  absl::StatusOr<std::string> page = MakePage(package);
  if (absl::IsCancelled(page.status())) return HttpOutcome::kBroken;
  if (absl::IsNotFound(page.status())) return Fail(kNotFound, page.status().message());
  if (!page.ok()) {
    spdlog::warn("event=index_failed package={} error=\"{}\"", package,
                 absl::CEscape(page.status().message()));
    return Fail(kBadGateway, page.status().message());
  }
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = *std::move(page);
  return SendReply(request_, std::move(reply), stream_);
}

absl::StatusOr<std::string> IndexService::MakePage(const std::string& package) {
  const PageTurns::Turn turn(share_.turns, is_gone_);
  if (!turn.taken()) return absl::CancelledError("whoever asked for it has gone");
  WARREN_ASSIGN_OR_RETURN(PackageCatalog::Offer offer, share_.catalog.Find(package, client_));
  std::vector<SimpleLink> links;
  links.reserve(offer.files.size());
  for (PackageFile& file : offer.files) {
    std::string path =
        share_.sealer.PathOf({offer.index, file.filename, file.url, file.sha256, file.metadata});
    links.push_back({std::move(file), std::move(path)});
  }
  return SimplePage(package, links);
}

// ---- Files ------------------------------------------------------------------------------------

HttpOutcome IndexService::AnswerFile() {
  absl::StatusOr<FileQuery> query = share_.sealer.Read(View(request_.target()));
  if (!query.ok() || query->link.index >= share_.catalog.size())
    return Fail(kNotFound, "no page of this index has this link");
  const bool in_directory = share_.catalog.directory(query->link.index) != nullptr;
  return in_directory ? PassFromDirectory(*query) : PassFromWeb(*query);
}

std::string IndexService::WantedDigest(const FileQuery& query) const {
  if (LayerIsOff(share_.web.layers_off, TestLayer::kFileDigests)) return "";
  return query.part == FileQuery::Part::kMetadata ? *query.link.metadata : query.link.sha256;
}

void IndexService::NoteFetched(const FileQuery& query) {
  const bool metadata = query.part == FileQuery::Part::kMetadata;
  const std::string& sha256 = metadata ? *query.link.metadata : query.link.sha256;
  // Of metadata an index need not tell it, and nobody could say later that they are the same.
  if (sha256.empty() || who_.client() != internal::USER || request_.method() != http::verb::get)
    return;
  // In the one form that the supervisor knows, whatever the program has made of it.
  std::string path = share_.sealer.PathOf(query.link);
  if (metadata) path += ".metadata";
  share_.questions.NoteFetched(who_.sandbox_id(), path, sha256);
}

HttpOutcome IndexService::PassFromDirectory(const FileQuery& query) {
  const DirectoryIndex& directory = *share_.catalog.directory(query.link.index);
  absl::StatusOr<DirectoryIndex::OpenedFile> file = directory.Open(query.link.filename);
  if (!file.ok() || query.part == FileQuery::Part::kMetadata)
    return Fail(kNotFound, "the file is not there any more");
  WebHead head;
  head.status = kWholeFile;
  head.has_parts = true;
  BytePart part{0, file->size};
  if (const std::optional<ByteRange> range = RangeOf(request_)) {
    const absl::StatusOr<BytePart> wanted = PartOf(*range, file->size);
    if (!wanted.ok()) return Fail(kRangeNotSatisfiable, wanted.status().message());
    part = *wanted;
    head.status = kPartOfFile;
    head.content_range =
        absl::StrCat("bytes ", part.offset, "-", part.offset + part.size - 1, "/", file->size);
  }
  head.length = part.size;
  FileReply reply(request_, WantedDigest(query), stream_);
  reply.OnHead(head);
  if (request_.method() == http::verb::head) return reply.Finish();
  if (!PassOn(file->fd.get(), part, reply)) return reply.Cut();
  const HttpOutcome outcome = reply.Finish();
  if (reply.is_wrong()) {
    spdlog::warn("event=file_changed index={} file={}", share_.catalog.NameOf(query.link.index),
                 query.link.filename);
    if (!reply.begun()) return Fail(kBadGateway, "the file has changed since it was listed");
  }
  if (head.status == kWholeFile && outcome != HttpOutcome::kBroken) NoteFetched(query);
  return outcome;
}

// Always all of it, whatever part is asked for: what is not whole cannot be checked.
HttpOutcome IndexService::PassFromWeb(const FileQuery& query) {
  const bool is_metadata = query.part == FileQuery::Part::kMetadata;
  const std::string& name = share_.catalog.NameOf(query.link.index);
  WebRequest request;
  absl::StatusOr<WebUrl> url =
      ParseWebUrl(absl::StrCat(query.link.url, is_metadata ? ".metadata" : ""));
  if (!url.ok()) return Fail(kBadGateway, "the file's address cannot be used");
  request.url = *std::move(url);
  if (request_.method() == http::verb::head) request.method = WebRequest::Method::kHead;
  FileReply reply(request_, WantedDigest(query), stream_);
  const absl::Status status = client_.Fetch(*share_.catalog.web(query.link.index), request, reply);
  std::string reason = std::string(status.message());
  if (status.ok()) {
    const HttpOutcome outcome = reply.Finish();
    if (!reply.is_wrong() && outcome != HttpOutcome::kBroken) NoteFetched(query);
    if (!reply.is_wrong()) return outcome;
    reason = "the file's SHA-256 is not the one that the index has told";
  } else if (reply.status() != 0 && reply.status() != kWholeFile) {
    reason = absl::StrCat("it answers with status ", reply.status());
  } else if (absl::IsCancelled(status)) {
    return reply.Cut();
  }
  spdlog::warn("event=file_failed index={} file={} error=\"{}\"", name, query.link.filename,
               absl::CEscape(reason));
  if (reply.begun()) return reply.Cut();
  return Fail(reply.status() == kNotFound ? kNotFound : kBadGateway,
              absl::StrCat("index \"", name, "\": ", reason));
}

}  // namespace warren
