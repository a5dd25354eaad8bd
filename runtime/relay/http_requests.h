#ifndef WARREN_RUNTIME_RELAY_HTTP_REQUESTS_H_
#define WARREN_RUNTIME_RELAY_HTTP_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/relay/http_authority.h"

// What a client says in clear HTTP, read by Boost.Beast.
namespace warren {

// Bytes of a request line with its header fields, or of a chunk's line with what trails the last.
inline constexpr size_t kMaxHttpHead = 32 << 10;

enum class HttpLikeness { kNeedMore, kYes, kNo };

// Whether a client's first bytes begin a request that a server may take for HTTP, be it well
// formed or not: behind a word, known or not, its first line has "HTTP/", or a path or URL as
// HTTP/0.9 has them. So does what fills kMaxHttpHead without an end of the line.
HttpLikeness LooksLikeHttp(absl::string_view first_bytes);

// Sees to it that every request of a connection is for the host that the connection was made to, so
// that nobody is reached behind the back of the policy (domain fronting, request smuggling): what
// can be read in two ways is denied.
//
// The caller looks at bytes, asks, sends as many on as it is told, and comes again with the rest
// and more. For one thread.
class HttpGuard {
 public:
  struct Look {
    // Of the bytes, so many may go out, whatever else it says.
    size_t forward = 0;
    // The rest is unfinished: no more of it may go out before more has come.
    bool need_more = false;
    // Why nothing more may go out, for people; empty otherwise. From then on it stays so.
    std::string denied;
    // It is not HTTP any more, after a CONNECT or an Upgrade: everything may go out from here on.
    bool opaque = false;
  };

  // `host` is a normalized name, or an address as text.
  HttpGuard(std::string host, uint16_t port);
  ~HttpGuard();
  HttpGuard(HttpGuard&&) noexcept;
  HttpGuard& operator=(HttpGuard&&) noexcept;

  // `bytes` from the first one that was not forwarded yet. None is forwarded of a request's head
  // that is not complete; bodies go as they come.
  Look Next(absl::string_view bytes);

 private:
  class Request;

  size_t Step(absl::string_view bytes, size_t at);
  bool Begin(absl::string_view rest);
  size_t StepHead(absl::string_view rest);
  size_t StepBody(absl::string_view bytes, size_t at);
  // At the end of a chunk's data.
  size_t StepLineEnd(absl::string_view rest);
  size_t Deny(absl::string_view why);
  void FinishIfDone();

  HttpOrigin origin_;
  // The one that is being read; null between two.
  std::unique_ptr<Request> request_;
  // Of the bytes not forwarded, so many has the request taken already.
  size_t taken_ = 0;
  // Of the bytes forwarded, so many has it not taken yet.
  size_t ahead_ = 0;
  // Bytes that it has seen and that wait for more.
  size_t held_ = 0;
  // The server may have agreed to speak something else.
  bool may_have_switched_ = false;
  bool opaque_ = false;
  std::string denied_;
};

// A whole HTTP/1.1 response of a status like 403 or 502, for a client that is not let through; the
// reason stands in its body and, up to 120 bytes, in its first line.
std::string DenialResponse(int status, absl::string_view reason);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_HTTP_REQUESTS_H_
