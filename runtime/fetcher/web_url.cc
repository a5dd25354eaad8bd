#include "runtime/fetcher/web_url.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

struct FreeCurlText {
  void operator()(char* text) const { ::curl_free(text); }
};
using CurlText = std::unique_ptr<char, FreeCurlText>;

// Empty where it has no such part.
std::string PartOf(const UrlHandle& url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (::curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  return CurlText(text).get();
}

absl::Status SetUrl(const UrlHandle& url, absl::string_view text) {
  if (text.size() > kMaxWebUrl) return absl::InvalidArgumentError("a URL is too long");
  for (char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)))
      return absl::InvalidArgumentError("a URL has a control character");
  }
  const CURLUcode code =
      ::curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER);
  if (code == CURLUE_OK) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a URL cannot be used: ", curl_url_strerror(code)));
}

absl::StatusOr<WebUrl> Read(const UrlHandle& url) {
  ::curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  WebUrl result;
  result.text = PartOf(url, CURLUPART_URL, 0);
  result.scheme = PartOf(url, CURLUPART_SCHEME, 0);
  result.host = absl::AsciiStrToLower(PartOf(url, CURLUPART_HOST, 0));
  if (result.scheme != "https" && result.scheme != "http")
    return absl::InvalidArgumentError("a URL is neither of https nor of http");
  uint32_t port = 0;
  if (!absl::SimpleAtoi(PartOf(url, CURLUPART_PORT, CURLU_DEFAULT_PORT), &port) || port == 0 ||
      port > 0xffff || result.host.empty() || result.text.size() > kMaxWebUrl) {
    return absl::InvalidArgumentError("a URL has no sound host and port, or is too long");
  }
  result.port = static_cast<uint16_t>(port);
  return result;
}

}  // namespace

absl::StatusOr<WebUrl> ParseWebUrl(absl::string_view text) {
  const UrlHandle url(::curl_url());
  if (url == nullptr) return absl::ResourceExhaustedError("no memory for a URL");
  WARREN_RETURN_IF_ERROR(SetUrl(url, text));
  return Read(url);
}

absl::StatusOr<WebUrl> ResolveWebUrl(const WebUrl& base, absl::string_view reference) {
  const UrlHandle url(::curl_url());
  if (url == nullptr) return absl::ResourceExhaustedError("no memory for a URL");
  WARREN_RETURN_IF_ERROR(SetUrl(url, base.text));
  // An empty one is the page itself, which curl takes for a mistake.
  if (!reference.empty()) WARREN_RETURN_IF_ERROR(SetUrl(url, reference));
  return Read(url);
}

std::string FileNameOf(const WebUrl& url) {
  const UrlHandle handle(::curl_url());
  if (handle == nullptr || !SetUrl(handle, url.text).ok()) return "";
  const std::string path = PartOf(handle, CURLUPART_PATH, 0);
  const std::string last = path.substr(path.rfind('/') + 1);
  int size = 0;
  const CurlText text(
      ::curl_easy_unescape(nullptr, last.c_str(), static_cast<int>(last.size()), &size));
  if (text == nullptr) return "";
  std::string name(text.get(), static_cast<size_t>(size));
  const bool is_name = name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  return is_name ? name : "";
}

std::string FragmentOf(absl::string_view reference) {
  const size_t hash = reference.find('#');
  return hash == absl::string_view::npos ? "" : std::string(reference.substr(hash + 1));
}

}  // namespace warren
