#include "runtime/relay/http_requests.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

constexpr absl::string_view kLineEnd = "\r\n";
// Of a body or a chunk, in bytes: nobody has so much, and a server's integers have room for it.
constexpr uint64_t kMaxLength = uint64_t{1} << 60;
// "0\r\n\r\n": so much comes at least when a chunk's line does, and Beast is not made for less.
constexpr size_t kShortestEnd = 5;
// Of a status line's words, in bytes.
constexpr size_t kMaxPhrase = 120;

absl::string_view View(beast::string_view text) {
  return absl::string_view(text.data(), text.size());
}

bool IsControl(char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }

// Beast unfolds a value that goes on in the next line; not every server does.
bool HasFoldedLine(absl::string_view head) {
  return absl::StrContains(head, "\r\n ") || absl::StrContains(head, "\r\n\t");
}

// As servers have it that take methods they do not know: a token of RFC 9110.
bool IsOfMethod(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("!#$%&'*+-.^_`|~", c);
}

// What RFC 9112 lets a server take for the blanks between the words of a request line.
bool IsBlank(char c) { return absl::StrContains(" \t\v\f\r", c); }

// As HTTP/0.9 has a request, which has no version.
bool BeginsTarget(absl::string_view words) {
  const auto word = std::find_if_not(words.begin(), words.end(), IsBlank);
  const absl::string_view target = words.substr(static_cast<size_t>(word - words.begin()));
  return absl::StartsWith(target, "/") || absl::StartsWithIgnoreCase(target, "http://") ||
         absl::StartsWithIgnoreCase(target, "https://");
}

// What begins a request to a git daemon: a length in four digits, a program, a path, NUL.
bool IsOfGitDaemon(absl::string_view line) {
  constexpr size_t kDigits = 4;
  const absl::string_view length = line.substr(0, kDigits);
  return length.size() == kDigits &&
         std::all_of(length.begin(), length.end(), absl::ascii_isxdigit) &&
         absl::StartsWith(line.substr(kDigits), "git-") &&
         absl::StrContains(line.substr(0, line.find("HTTP/")), '\0');
}

// A server that speaks HTTP still can take nothing that begins with another byte for a request.
bool MayBeginRequest(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isprint(byte) || absl::ascii_isspace(byte);
}

std::string Malformed(const error_code& error) {
  return absl::StrCat("its request is malformed: ", error.message());
}

std::string ToPrintable(absl::string_view text) {
  std::string printable(text);
  for (char& c : printable) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = IsControl(c) ? ' ' : '?';
  }
  return printable;
}

}  // namespace

// One request, from its first byte to the last one of its body. What Beast lets pass and servers
// understand in more than one way ends it with a problem.
class HttpGuard::Request : public http::basic_parser<true> {
 public:
  explicit Request(const HttpOrigin& origin) : origin_(origin) {
    // Whoever calls has bounded it.
    header_limit(2 * kMaxHttpHead);
    body_limit(boost::none);
  }

  // Why it is denied; empty where Beast's own error says it, or nothing is wrong.
  const std::string& problem() const { return problem_; }
  bool may_switch() const { return may_switch_; }
  // Where in a chunked body the next byte is.
  enum class Place { kLine, kData, kDataEnd };
  Place place() const { return place_; }

 private:
  void Fail(std::string problem, error_code& error) {
    problem_ = std::move(problem);
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb method, beast::string_view, beast::string_view beast_target,
                       int version, error_code& error) override {
    const absl::string_view target = View(beast_target);
    version_ = version;
    may_switch_ = method == http::verb::connect;
    std::string wrong;
    if (method == http::verb::connect) {
      wrong = WrongWithAuthority("the target of its CONNECT", target, origin_);
    } else if (!absl::StartsWith(target, "/") && target != "*") {
      wrong = WrongWithUrl("the target of its request", target, origin_);
    }
    if (!wrong.empty()) Fail(std::move(wrong), error);
  }

  void on_field_impl(http::field field, beast::string_view, beast::string_view value,
                     error_code& error) override {
    switch (field) {
      case http::field::host:
        return OnHost(View(value), error);
      case http::field::content_length:
        return OnContentLength(View(value), error);
      case http::field::transfer_encoding:
        return OnTransferEncoding(View(value), error);
      case http::field::upgrade:
        may_switch_ = true;
        return;
      default:
        return;
    }
  }

  // What trails a body comes here too, and then it is one too many.
  void OnHost(absl::string_view value, error_code& error) {
    if (is_header_done() || std::exchange(has_host_, true))
      return Fail("its request has more than one Host", error);
    std::string wrong = WrongWithAuthority("the Host of its request", value, origin_);
    if (!wrong.empty()) Fail(std::move(wrong), error);
  }

  void OnContentLength(absl::string_view value, error_code& error) {
    if (is_header_done() || std::exchange(has_length_, true))
      return Fail("its request has more than one length", error);
    if (!std::all_of(value.begin(), value.end(), absl::ascii_isdigit))
      Fail(absl::StrCat("its request has the Content-Length ", Quoted(value)), error);
  }

  void OnTransferEncoding(absl::string_view value, error_code& error) {
    if (is_header_done() || std::exchange(has_length_, true))
      return Fail("its request has more than one length", error);
    if (version_ < 11 || !absl::EqualsIgnoreCase(value, "chunked")) {
      Fail(absl::StrCat("its request has the Transfer-Encoding ", Quoted(value),
                        "; only \"chunked\" is let through, in HTTP/1.1"),
           error);
    }
  }

  void on_header_impl(error_code& error) override {
    if (!has_host_ && version_ >= 11) return Fail("its request has no Host", error);
    if (content_length().value_or(0) > kMaxLength) Fail("its request's body is too long", error);
  }

  void on_chunk_header_impl(uint64_t size, beast::string_view extensions,
                            error_code& error) override {
    place_ = Place::kData;
    if (size > kMaxLength) return Fail("a chunk of its request is too long", error);
    // A line feed alone, in quotes, ends the line for some.
    if (std::any_of(extensions.begin(), extensions.end(), IsControl))
      Fail("a chunk of its request has a control character in its extensions", error);
  }

  size_t on_chunk_body_impl(uint64_t remaining, beast::string_view data, error_code&) override {
    if (data.size() == remaining) place_ = Place::kDataEnd;
    return data.size();
  }

  size_t on_body_impl(beast::string_view data, error_code&) override { return data.size(); }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  const HttpOrigin origin_;
  std::string problem_;
  int version_ = 0;
  bool has_host_ = false;
  bool has_length_ = false;
  bool may_switch_ = false;
  Place place_ = Place::kLine;
};

HttpGuard::HttpGuard(std::string host, uint16_t port) : origin_{std::move(host), port} {}
HttpGuard::~HttpGuard() = default;
HttpGuard::HttpGuard(HttpGuard&&) noexcept = default;
HttpGuard& HttpGuard::operator=(HttpGuard&&) noexcept = default;

HttpGuard::Look HttpGuard::Next(absl::string_view bytes) {
  Look look;
  // Never fewer than it has seen already: Beast goes on where it stood.
  look.need_more = bytes.size() < held_;
  while (!look.need_more && !opaque_ && denied_.empty() && look.forward < bytes.size()) {
    const size_t step = Step(bytes, look.forward);
    look.forward += step;
    look.need_more = step == 0 && !opaque_ && denied_.empty();
  }
  if (opaque_) look.forward = bytes.size();
  if (!look.need_more) {
    held_ = 0;
  } else if (bytes.size() - look.forward > held_ || look.forward > 0) {
    held_ = bytes.size() - look.forward;
  }
  look.denied = denied_;
  look.opaque = opaque_;
  return look;
}

// How many of the bytes behind `at` may go out at least; none where more are needed, or it has come
// to an end with them.
size_t HttpGuard::Step(absl::string_view bytes, size_t at) {
  const absl::string_view rest = bytes.substr(at);
  if (request_ == nullptr && !Begin(rest)) return 0;
  if (!request_->is_header_done()) return StepHead(rest);
  if (request_->place() == Request::Place::kDataEnd && ahead_ == 0) return StepLineEnd(rest);
  return StepBody(bytes, at);
}

// A server need not agree to what it is asked to speak, and then the next request is as good as
// any.
bool HttpGuard::Begin(absl::string_view rest) {
  if (may_have_switched_ && !MayBeginRequest(rest[0])) {
    opaque_ = true;
    return false;
  }
  request_ = std::make_unique<Request>(origin_);
  return true;
}

size_t HttpGuard::StepHead(absl::string_view rest) {
  const absl::string_view window = rest.substr(0, kMaxHttpHead);
  if (absl::StartsWith(window, "PRI * HTTP/2")) {
    return Deny(
        "it speaks HTTP/2 in clear, of which nobody can tell which host it is for: use HTTP/1.1, "
        "or "
        "TLS");
  }
  error_code error;
  taken_ += request_->put({window.data() + taken_, window.size() - taken_}, error);
  if (error == http::error::need_more) {
    return window.size() < kMaxHttpHead ? 0 : Deny("its request's head is longer than 32 KiB");
  }
  if (error) return Deny(Malformed(error));
  if (HasFoldedLine(window.substr(0, taken_))) return Deny("its request has a folded line");
  FinishIfDone();
  return std::exchange(taken_, 0);
}

// Beast takes the end of a line behind a chunk's data with the line of the next chunk. Whoever
// waits for the data may wait for the end of that line, and the client may be long in coming with
// the next.
size_t HttpGuard::StepLineEnd(absl::string_view rest) {
  if (rest == kLineEnd.substr(0, 1)) return 0;
  if (!absl::StartsWith(rest, kLineEnd)) return Deny("a chunk is longer than it says");
  return ahead_ = kLineEnd.size();
}

size_t HttpGuard::StepBody(absl::string_view bytes, size_t at) {
  std::string joined;
  absl::string_view window = bytes.substr(at - std::min(at, ahead_), kMaxHttpHead);
  if (at < ahead_) {
    // They went out in an earlier call.
    joined = absl::StrCat(kLineEnd, window);
    window = absl::string_view(joined).substr(0, kMaxHttpHead);
  }
  if (request_->chunked() && request_->place() != Request::Place::kData &&
      window.size() < kShortestEnd) {
    return 0;
  }
  error_code error;
  const size_t taken = request_->put({window.data(), window.size()}, error);
  if (error == http::error::need_more) {
    return window.size() < kMaxHttpHead ? 0 : Deny("a chunk's line is longer than 32 KiB");
  }
  if (error) return Deny(Malformed(error));
  const bool trails = request_->is_done() && request_->chunked();
  if (trails && HasFoldedLine(window.substr(0, taken)))
    return Deny("its request has a folded line");
  FinishIfDone();
  return taken - std::exchange(ahead_, 0);
}

size_t HttpGuard::Deny(absl::string_view why) {
  const bool own = request_ != nullptr && !request_->problem().empty();
  denied_ = own ? request_->problem() : std::string(why);
  request_.reset();
  return 0;
}

void HttpGuard::FinishIfDone() {
  if (!request_->is_done()) return;
  may_have_switched_ = may_have_switched_ || request_->may_switch();
  request_.reset();
}

HttpLikeness LooksLikeHttp(absl::string_view first_bytes) {
  // Servers skip empty lines.
  absl::string_view rest = first_bytes;
  while (!rest.empty() && absl::ascii_isspace(static_cast<unsigned char>(rest[0])))
    rest.remove_prefix(1);
  const absl::string_view line = rest.substr(0, rest.find('\n'));
  const auto word = std::find_if_not(line.begin(), line.end(), IsOfMethod);
  const absl::string_view behind = line.substr(static_cast<size_t>(word - line.begin()));
  if (!behind.empty() && (behind.size() == line.size() || !IsBlank(behind[0])))
    return HttpLikeness::kNo;
  if (IsOfGitDaemon(line)) return HttpLikeness::kNo;
  if (absl::StrContains(absl::AsciiStrToUpper(behind), "HTTP/")) return HttpLikeness::kYes;
  const bool ended = line.size() < rest.size();
  if (ended) return BeginsTarget(behind) ? HttpLikeness::kYes : HttpLikeness::kNo;
  // Who says a word in small letters and waits for an answer speaks something else; a server that
  // takes it for the beginning of a request is not known.
  const bool small = std::any_of(line.begin(), word, absl::ascii_islower);
  if (small && !BeginsTarget(behind)) return HttpLikeness::kNo;
  return first_bytes.size() < kMaxHttpHead ? HttpLikeness::kNeedMore : HttpLikeness::kYes;
}

std::string DenialResponse(int status, absl::string_view reason) {
  const auto known = static_cast<http::status>(status);
  const std::string text =
      absl::StrCat(View(http::obsolete_reason(known)), " by Warren: ", ToPrintable(reason));
  http::response<http::string_body> response(known, 11);
  response.reason(text.substr(0, kMaxPhrase));
  response.set(http::field::connection, "close");
  response.set(http::field::content_type, "text/plain");
  response.body() = absl::StrCat(text, "\n");
  response.content_length(response.body().size());

  std::string wire;
  http::serializer<false, http::string_body> serializer(response);
  error_code error;
  while (!error && !serializer.is_done()) {
    serializer.next(error, [&](error_code&, const auto& buffers) {
      size_t size = 0;
      for (boost::asio::const_buffer buffer : beast::buffers_range_ref(buffers)) {
        wire.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      serializer.consume(size);
    });
  }
  return wire;
}

}  // namespace warren
