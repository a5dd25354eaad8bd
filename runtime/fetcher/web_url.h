#ifndef WARREN_RUNTIME_FETCHER_WEB_URL_H_
#define WARREN_RUNTIME_FETCHER_WEB_URL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

inline constexpr size_t kMaxWebUrl = 2048;

// An absolute URL of http or https, without user and password, as curl reads it: the one that
// connects reads it the same way.
struct WebUrl {
  // Without a fragment.
  std::string text;
  // "https" or "http".
  std::string scheme;
  // Lower case; an IPv6 address in brackets.
  std::string host;
  uint16_t port = 0;

  bool HasOriginOf(const WebUrl& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
};

// INVALID_ARGUMENT says what is wrong with it, without quoting it.
absl::StatusOr<WebUrl> ParseWebUrl(absl::string_view text);
// What a reference on the page at `base` points to. INVALID_ARGUMENT as ParseWebUrl.
absl::StatusOr<WebUrl> ResolveWebUrl(const WebUrl& base, absl::string_view reference);
// The last part of its path, unescaped; empty where there is none, or what it is has a '/' or a
// NUL.
std::string FileNameOf(const WebUrl& url);
// What a URL has behind its '#'.
std::string FragmentOf(absl::string_view reference);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_WEB_URL_H_
