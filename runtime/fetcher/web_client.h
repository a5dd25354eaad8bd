#ifndef WARREN_RUNTIME_FETCHER_WEB_CLIENT_H_
#define WARREN_RUNTIME_FETCHER_WEB_CLIENT_H_

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/fetcher/web_url.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// An index in the web, as those that fetch from it need it.
struct WebIndex {
  WebUrl url;
  // "USER:PASSWORD", sent to the index's own origin alone; empty for none.
  std::string credentials;
  // PEM: what certificates of it and of whoever it leads to are checked against.
  std::string certificates;
};

// How an index's answer begins.
struct WebHead {
  int status = 0;
  std::optional<int64_t> length;
  std::string content_type;
  // Parts of it can be had by themselves: of files in a directory, never of the web.
  bool has_parts = false;
  // Of a part.
  std::string content_range;
  // Where it was found, behind redirects.
  WebUrl url;
};

struct WebRequest {
  enum class Method { kGet, kHead };
  Method method = Method::kGet;
  WebUrl url;
  // The header field; empty for none.
  std::string accept;
  // All of it has come by then, with what it leads on to; max() for as long as something comes.
  MonotonicTime until = MonotonicTime::max();
};

// What is done with an answer. False ends it: Fetch returns CANCELLED.
class WebSink {
 public:
  // Once, before all bytes; not of redirects.
  virtual bool OnHead(const WebHead& head) = 0;
  virtual bool OnBytes(absl::string_view bytes) = 0;

 protected:
  ~WebSink() = default;
};

// Fetches from package indexes by libcurl, which keeps its connections for the next request. Of
// https certificates are checked. Redirects are followed to https, and to http where the index is
// of http itself. What an index says cannot make it reach an inner address: special ones are those
// of configured indexes alone, at their ports, and the host's own likewise.
//
// For one thread. PrepareWebClients comes first.
class WebClient {
 public:
  // What the process's clients share; outlives them.
  struct Setup {
    // Of all indexes.
    std::vector<WebUrl> configured;
    // HostFacts.pace, at least 1.
    double pace = 1;
    // TestLayer bits; 0 but in test builds.
    uint32_t layers_off = 0;
    // Ends what is under way within a second or so.
    std::atomic<bool> stopping{false};
  };

  // `is_gone`: nobody waits for an answer any more, which ends it within a second or so.
  WebClient(const Setup& setup, std::function<bool()> is_gone);
  WebClient(const WebClient&) = delete;
  WebClient& operator=(const WebClient&) = delete;

  // So long from now, at this host's pace.
  MonotonicTime Until(std::chrono::milliseconds time) const;
  // OK: the answer was whole, whatever its status. UNAVAILABLE: no connection came about, or it
  // ended before an answer; PERMISSION_DENIED: an address or a redirect that is not followed;
  // UNAUTHENTICATED: TLS; CANCELLED: nobody waits, or the sink has enough; DEADLINE_EXCEEDED,
  // DATA_LOSS, INTERNAL. Messages are for sandboxes: they name no URL, host, address or
  // credentials. What else is known of a failure is logged here.
  absl::Status Fetch(const WebIndex& index, const WebRequest& request, WebSink& sink);

 private:
  struct Hop;

  // Nothing, or where it leads on to.
  absl::StatusOr<std::optional<WebUrl>> FetchOnce(const WebIndex& index, const WebRequest& request,
                                                  const WebUrl& url, WebSink& sink);
  void SetOptions(const WebIndex& index, const WebRequest& request, Hop& hop);
  bool MayBeInner(const WebUrl& url) const;

  struct FreeEasy {
    void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
  };
  const Setup& setup_;
  const std::function<bool()> is_gone_;
  std::unique_ptr<CURL, FreeEasy> easy_;
};

// Before other threads and before there is a filter: what the libraries read once.
absl::Status PrepareWebClients();

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_WEB_CLIENT_H_
