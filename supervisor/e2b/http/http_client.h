#ifndef WARREN_SUPERVISOR_E2B_HTTP_HTTP_CLIENT_H_
#define WARREN_SUPERVISOR_E2B_HTTP_HTTP_CLIENT_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"

namespace warren {

// What a call of HTTP is for, each with connections of its own: so cells that run for minutes never
// hold up what is answered at once, and a sandbox that does not answer its calls never the control
// plane's.
enum class HttpLane { kControl, kCall, kCell, kStream };
inline constexpr size_t kHttpLanes = 4;

struct HttpRequest {
  std::string method = "GET";
  // http or https, absolute.
  std::string url;
  // Without Host and Content-Length.
  std::vector<std::pair<std::string, std::string>> headers;
  // All of the body, where there is one and it is not streamed.
  std::string body;
  // The body comes by HttpCall::Write and Close, chunked.
  bool streams_body = false;
  HttpLane lane = HttpLane::kCall;
  // From now to the end of the answer, waiting for a connection included; zero: as long as it
  // takes.
  std::chrono::milliseconds timeout{0};
  // Without a byte either way for so long, once it has a connection, it is over (UNAVAILABLE);
  // zero: never. While the sink has paused it, or a streamed body waits for Write, it does not
  // count.
  std::chrono::milliseconds stall{0};
};

struct HttpHead {
  int status = 0;
  std::string content_type;
  // Of a 429 or 503: Retry-After in whole seconds, 0 to 3600; -1 where there is none.
  int retry_after_seconds = -1;
  // X-Next-Token; empty where there is none.
  std::string next_token;
  // -1 where it is not told.
  int64_t length = -1;
};

// Takes what comes of one call, on the loop's thread: OnHead once, OnBytes, then OnEnd once in any
// case, but for a call that was cancelled, of which nothing comes any more.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual void OnHead(const HttpHead& head) = 0;
  // kPause: nothing comes until Resume, nor does OnEnd; a timeout counts on.
  virtual Flow OnBytes(absl::string_view bytes) = 0;
  // Of a streamed body: there is room again after kPause.
  virtual void OnRoom() {}
  // OK: the answer was whole, whatever its status. Else one of
  //   UNAVAILABLE        no connection came about, its certificate was not accepted, or it broke
  //   DEADLINE_EXCEEDED  its timeout
  //   INTERNAL           what came is no HTTP
  // in words for clients: no host, path, address or key. `sent` false: no byte of the request left
  // this machine, so that it can be asked again without a doubt.
  virtual void OnEnd(absl::Status status, bool sent) = 0;
};

// One call under way. For the loop's thread; its destruction cancels it.
class HttpCall {
 public:
  virtual ~HttpCall() = default;
  virtual void Resume() = 0;
  // Of a streamed body. kPause: wait for OnRoom.
  virtual Flow Write(std::string data) = 0;
  virtual void Close() = 0;
};

struct HttpTls {
  // PEM; empty: the system's.
  std::string authorities;
  // Expected in the certificate instead of the URL's host; empty: that. TLS asks the server for it;
  // connected to, and said in Host, is what the URL says.
  std::string server_name;
  // PEM of a client's certificate and key; both or none.
  std::string certificate;
  std::string key;
};

struct HttpOptions {
  HttpTls tls;
  // Most connections of each lane. What finds none waits for one.
  std::array<int, kHttpLanes> connections{10, 10, 100, 1000};
  std::chrono::milliseconds connect_timeout{5000};
  // Of the log's lines.
  std::string name;
};

// HTTP/1.1, and HTTP/2 where TLS agrees on it, by libcurl's multi interface on an IoLoop: no thread
// a request, connections are kept for the next call. Certificates are verified always; redirects
// are not followed; the environment's proxies count.
//
// libcurl sends a request again by itself where a connection that it had kept turns out to be
// closed. Here it may for GET and HEAD alone: what was sent may have been done. What it would have
// sent again ends UNAVAILABLE.
//
// For the loop's thread, but for Make. What is under way at its destruction ends without a word.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  static absl::StatusOr<std::unique_ptr<HttpClient>> Make(IoLoop& loop, HttpOptions options);
  // Null where no call can be made at all; OnEnd was called then.
  virtual std::unique_ptr<HttpCall> Start(HttpRequest request, std::shared_ptr<HttpSink> sink) = 0;
  // Connections that are open now, of all lanes. For tests and metrics.
  virtual int connections() const = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_HTTP_CLIENT_H_
