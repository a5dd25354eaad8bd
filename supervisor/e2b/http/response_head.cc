#include "supervisor/e2b/http/response_head.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace warren {
namespace {

// An hour: whoever says more means "not now".
constexpr int64_t kMostRetryAfter = 3600;

std::string HeaderField(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (::curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return "";
  return header->value;
}

int RetryAfter(CURL* easy) {
  const std::string field = HeaderField(easy, "Retry-After");
  int64_t seconds = -1;
  if (absl::SimpleAtoi(field, &seconds))
    return static_cast<int>(std::clamp<int64_t>(seconds, -1, kMostRetryAfter));
  // More than a number holds.
  if (!field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      })) {
    return static_cast<int>(kMostRetryAfter);
  }
  // It may be a date.
  curl_off_t until_then = 0;
  ::curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &until_then);
  return until_then > 0 ? static_cast<int>(std::min<int64_t>(until_then, kMostRetryAfter)) : -1;
}

}  // namespace

HttpHead ReadResponseHead(CURL* easy) {
  HttpHead head;
  long status = 0;
  ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  head.status = static_cast<int>(status);
  head.content_type = HeaderField(easy, "Content-Type");
  head.next_token = HeaderField(easy, "X-Next-Token");
  if (status == 429 || status == 503) head.retry_after_seconds = RetryAfter(easy);
  int64_t length = -1;
  if (absl::SimpleAtoi(HeaderField(easy, "Content-Length"), &length) && length >= 0)
    head.length = length;
  return head;
}

}  // namespace warren
