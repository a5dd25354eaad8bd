#include "supervisor/gateway/http/exchange.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

absl::string_view ToView(boost::beast::string_view text) { return {text.data(), text.size()}; }
boost::beast::string_view ToBeast(absl::string_view text) { return {text.data(), text.size()}; }

absl::Status ClientGone() { return absl::CancelledError("the client has gone"); }

}  // namespace

Exchange::Exchange(ClientLink& link, Parser& parser, absl::StatusOr<Target> target,
                   MemoryBudget& memory)
    : link_(link),
      parser_(parser),
      method_(parser.get().method_string()),
      target_status_(target.status()),
      target_(target.ok() ? *std::move(target) : Target()),
      memory_(memory),
      signal_(std::make_shared<Signal>(link.strand())),
      charge_(&memory) {}

absl::string_view Exchange::header(absl::string_view name) const {
  auto found = fields().find(ToBeast(name));
  return found == fields().end() ? absl::string_view() : ToView(found->value());
}

void Exchange::WatchClient() {
  link_.Watch(signal_,
              parser_.is_done() ? ClientLink::Expected::kNothing : ClientLink::Expected::kBody);
}

bool Exchange::holds_body_back() const {
  return !expectation_met_ && !parser_.is_done() &&
         absl::EqualsIgnoreCase(header("Expect"), "100-continue");
}

Async<absl::Status> Exchange::ContinueIfExpected() {
  const bool expected = holds_body_back();
  expectation_met_ = true;
  if (!expected) co_return absl::OkStatus();
  const absl::string_view go_on[] = {"HTTP/1.1 100 Continue\r\n\r\n"};
  const bool written = co_await link_.Write(go_on);
  co_return written ? absl::OkStatus() : ClientGone();
}

size_t Exchange::NextPieceBytes() {
  // Most bodies are a line of JSON; whoever sends more sends much more.
  const size_t size = piece_bytes_;
  piece_bytes_ = std::min(4 * piece_bytes_, kPieceBytes);
  const auto left = parser_.content_length_remaining();
  return left ? static_cast<size_t>(std::clamp<uint64_t>(*left, 1, kPieceBytes)) : size;
}

Async<absl::Status> Exchange::FillMore() {
  link_.Within(kStallTime);
  const bool filled = co_await link_.Fill();
  link_.WithoutLimit();
  if (filled) co_return absl::OkStatus();
  if (link_.gone()) co_return ClientGone();
  co_return absl::InvalidArgumentError("the head of a chunk of the request's body is too long");
}

Async<absl::StatusOr<std::string>> Exchange::ReadRaw() {
  if (parser_.is_done()) co_return std::string();
  if (absl::Status expected = co_await ContinueIfExpected(); !expected.ok()) co_return expected;
  if (link_.input().size() == 0) {
    if (absl::Status more = co_await FillMore(); !more.ok()) co_return more;
  }
  // No larger than what has come: whoever keeps it is charged for what is in it.
  std::string piece(std::min(NextPieceBytes(), link_.input().size()), '\0');
  auto& body = parser_.get().body();
  body.data = piece.data();
  body.size = piece.size();
  body.more = true;
  while (!parser_.is_done() && body.size > 0) {
    if (link_.input().size() == 0) {
      // Some is better than none: the next piece is asked for.
      if (body.size < piece.size()) break;
      if (absl::Status more = co_await FillMore(); !more.ok()) co_return more;
    }
    boost::system::error_code error;
    link_.input().consume(parser_.put(link_.input().data(), error));
    if (error == http::error::need_more) {
      // A chunk's head that is not whole yet; also the line's end behind the last one.
      if (body.size < piece.size()) break;
      if (absl::Status more = co_await FillMore(); !more.ok()) co_return more;
    } else if (error && error != http::error::need_buffer) {
      co_return absl::InvalidArgumentError(
          absl::StrCat("the request's body is malformed: ", error.message()));
    }
  }
  piece.resize(piece.size() - body.size);
  co_return piece;
}

Async<absl::StatusOr<std::string>> Exchange::ReadUnpacked() {
  if (!gunzip_) {
    auto made = Gunzip::Make();
    if (!made.ok()) co_return made.status();
    gunzip_.emplace(*std::move(made));
  }
  for (;;) {
    auto piece = gunzip_->Take(kPieceBytes);
    if (!piece.ok() || !piece->empty()) co_return piece;
    auto packed = co_await ReadRaw();
    if (!packed.ok()) co_return packed.status();
    if (packed->empty() && !gunzip_->ended())
      co_return absl::InvalidArgumentError("the body's gzip stream is cut off");
    if (packed->empty()) co_return std::string();
    packed_ = *std::move(packed);
    gunzip_->Give(packed_);
  }
}

Async<absl::StatusOr<std::string>> Exchange::ReadPiece() {
  const bool packed =
      !keeps_encoding_ && absl::EqualsIgnoreCase(header("Content-Encoding"), "gzip");
  absl::StatusOr<std::string> piece = absl::UnknownError("");
  if (packed) {
    piece = co_await ReadUnpacked();
  } else {
    piece = co_await ReadRaw();
  }
  if (piece.ok()) {
    body_bytes_ += piece->size();
    if (body_bytes_ > body_limit_) {
      piece = absl::InvalidArgumentError(
          absl::StrCat("the request's body has more than ", body_limit_, " bytes"));
    }
  }
  body_failed_ |= !piece.ok();
  co_return piece;
}

Async<absl::StatusOr<std::string>> Exchange::ReadBody(size_t limit) {
  SetBodyLimit(limit);
  std::string body;
  for (;;) {
    auto piece = co_await ReadPiece();
    if (!piece.ok()) co_return piece.status();
    if (piece->empty()) co_return body;
    if (!charge_.TryAdd(static_cast<int64_t>(piece->size()))) {
      body_failed_ = true;
      co_return NoRoom();
    }
    if (body.empty()) {
      body = *std::move(piece);
      body.shrink_to_fit();
    } else {
      body += *piece;
    }
  }
}

std::string Exchange::HeadOf(HttpStatus status, absl::string_view content_type,
                             std::optional<uint64_t> length) {
  http::response<http::empty_body> head(status, 11);
  static_cast<HttpFields&>(head.base()) = answer_fields_;
  if (!content_type.empty()) head.set(http::field::content_type, ToBeast(content_type));
  // 204 has no body, and says nothing of one.
  if (length && status != HttpStatus::no_content) head.content_length(*length);
  if (chunked_) head.chunked(true);
  head.keep_alive(keep_alive() && !body_failed_ && !holds_body_back());
  std::ostringstream text;
  text << head.base();
  return std::move(text).str();
}

Async<bool> Exchange::Send(absl::string_view first, absl::string_view second,
                           absl::string_view third) {
  std::array<absl::string_view, 3> parts = {first, second, third};
  bool written = true;
  // A piece at a time: a client that takes one is no client that stalls.
  for (bool more = true; more && written;) {
    std::array<absl::string_view, 3> piece;
    size_t room = kPieceBytes;
    more = false;
    for (size_t i = 0; i < parts.size(); ++i) {
      piece[i] = parts[i].substr(0, room);
      parts[i].remove_prefix(piece[i].size());
      room -= piece[i].size();
      more = more || !parts[i].empty();
    }
    link_.Within(kStallTime);
    written = co_await link_.Write(piece);
    link_.WithoutLimit();
  }
  co_return written;
}

Async<void> Exchange::Answer(HttpStatus status, absl::string_view content_type,
                             absl::string_view body) {
  answered_ = static_cast<unsigned>(status);
  const std::string head = HeadOf(status, content_type, body.size());
  const bool written = co_await Send(head, method_ == "HEAD" ? absl::string_view() : body);
  whole_ = written;
}

Async<bool> Exchange::Begin(HttpStatus status, absl::string_view content_type,
                            std::optional<uint64_t> length) {
  answered_ = static_cast<unsigned>(status);
  const bool has_body =
      method_ != "HEAD" && status != HttpStatus::no_content && status != HttpStatus::not_modified;
  chunked_ = !length && has_body && parser_.get().version() >= 11;
  const std::string head = HeadOf(status, content_type, length);
  co_return co_await Send(head);
}

Async<bool> Exchange::Write(absl::string_view piece) {
  if (piece.empty()) co_return !link_.gone();
  // Whoever had it before is not charged for it any more; a client may be slow to take it.
  MemoryCharge charge(&memory_);
  charge.Set(static_cast<int64_t>(piece.size()));
  if (!chunked_) co_return co_await Send(piece);
  const std::string size = absl::StrFormat("%x\r\n", piece.size());
  co_return co_await Send(size, piece, "\r\n");
}

Async<bool> Exchange::End() {
  bool written = !link_.gone();
  if (chunked_) written = co_await Send("0\r\n\r\n");
  whole_ = written;
  co_return written;
}

void Exchange::Hangup() {
  if (answered_ == 0) answered_ = 499;
  link_.Abort();
}

Async<bool> Exchange::Settle() {
  link_.Unwatch();
  if (!whole_ || link_.gone()) co_return false;
  // It is not asked for a body that nobody wants any more, and may send it or not.
  if (holds_body_back()) co_return false;
  if (!chunked_ && parser_.get().version() < 11) co_return false;
  // What the handler left is read in small measure; beyond it the client is told by the end.
  SetBodyLimit(body_bytes_ + kLingerBytes);
  KeepEncoding();
  gunzip_.reset();
  bool settled = !body_failed_;
  while (settled && !parser_.is_done()) {
    auto piece = co_await ReadPiece();
    settled = piece.ok();
  }
  co_return settled&& keep_alive();
}

}  // namespace warren
