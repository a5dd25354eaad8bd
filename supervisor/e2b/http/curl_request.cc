#include "supervisor/e2b/http/curl_request.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (::curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  ::curl_free(text);
  return copy;
}

// So that nothing that comes from outside becomes a header of its own.
bool IsFieldText(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
  });
}

bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
  });
}

curl_blob BlobOf(const std::string& pem) {
  return {const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
}

// It would start from the first byte again, for a second request that nobody asked for.
int RefuseToRewind(void*, curl_off_t, int) { return CURL_SEEKFUNC_FAIL; }

}  // namespace

absl::StatusOr<CurlRequest> CurlRequest::Make(const HttpRequest& request,
                                              const HttpOptions& options) {
  CurlRequest made;
  made.easy_.reset(::curl_easy_init());
  if (made.easy_ == nullptr) return absl::InternalError("there is no memory for a request");
  if (!IsToken(request.method)) return absl::InternalError("the request's method is none of HTTP");
  WARREN_RETURN_IF_ERROR(made.SetUrl(request, options));
  WARREN_RETURN_IF_ERROR(made.SetHeaders(request));
  made.SetMethod(request);
  made.SetTls(options.tls);
  made.SetConnection(options);
  return made;
}

void CurlRequest::Append(List& list, const std::string& line) {
  // It returns the list's first element, which it has made or was given.
  curl_slist* const grown = ::curl_slist_append(list.get(), line.c_str());
  (void)list.release();
  list.reset(grown);
}

// curl checks a certificate against the URL's host alone. Where another name is expected, that is
// the URL's host, and what the URL said is connected to and is the request's Host still.
absl::Status CurlRequest::SetUrl(const HttpRequest& request, const HttpOptions& options) {
  const std::unique_ptr<CURLU, FreeUrl> url(::curl_url());
  const bool is_url = ::curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(),
                                     CURLU_DISALLOW_USER) == CURLUE_OK;
  const std::string scheme = UrlPart(url.get(), CURLUPART_SCHEME, 0);
  if (!is_url || (scheme != "http" && scheme != "https"))
    return absl::InternalError("the request's URL is none of HTTP");
  const std::string& name = options.tls.server_name;
  if (!name.empty() && scheme == "https") {
    const std::string host = UrlPart(url.get(), CURLUPART_HOST, 0);
    const std::string port = UrlPart(url.get(), CURLUPART_PORT, 0);
    Append(headers_, absl::StrCat("Host: ", host, port.empty() ? "" : ":", port));
    Append(connect_to_,
           absl::StrCat("::", host, ":", UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)));
    ::curl_easy_setopt(easy(), CURLOPT_CONNECT_TO, connect_to_.get());
    if (::curl_url_set(url.get(), CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK)
      return absl::InternalError("the name that is expected of the server is none of a host");
  }
  // It copies it.
  ::curl_easy_setopt(easy(), CURLOPT_URL, UrlPart(url.get(), CURLUPART_URL, 0).c_str());
  // As HTTP/2 needs TLS here to be agreed on.
  ::curl_easy_setopt(
      easy(), CURLOPT_HTTP_VERSION,
      scheme == "https" ? long{CURL_HTTP_VERSION_2TLS} : long{CURL_HTTP_VERSION_1_1});
  return absl::OkStatus();
}

absl::Status CurlRequest::SetHeaders(const HttpRequest& request) {
  // A body goes out at once.
  Append(headers_, "Expect:");
  for (const auto& [name, value] : request.headers) {
    if (!IsToken(name) || !IsFieldText(value))
      return absl::InternalError("a header of the request is none of HTTP");
    // Without a value curl would leave it out.
    Append(headers_, value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value));
  }
  ::curl_easy_setopt(easy(), CURLOPT_HTTPHEADER, headers_.get());
  return absl::OkStatus();
}

void CurlRequest::SetMethod(const HttpRequest& request) {
  const bool has_body = request.streams_body || !request.body.empty();
  // These say that they have none.
  const bool says_length =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (has_body || says_length) {
    ::curl_easy_setopt(easy(), CURLOPT_UPLOAD, 1L);
    // -1: in chunks.
    ::curl_easy_setopt(
        easy(), CURLOPT_INFILESIZE_LARGE,
        request.streams_body ? curl_off_t{-1} : static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "HEAD") {
    ::curl_easy_setopt(easy(), CURLOPT_NOBODY, 1L);
  }
  ::curl_easy_setopt(easy(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  ::curl_easy_setopt(easy(), CURLOPT_SEEKFUNCTION, RefuseToRewind);
}

void CurlRequest::SetTls(const HttpTls& tls) {
  ::curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYPEER, 1L);
  ::curl_easy_setopt(easy(), CURLOPT_SSL_VERIFYHOST, 2L);
  ::curl_easy_setopt(easy(), CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  // The system's directory of authorities has those of its file, and with it curl reads the file
  // anew for each connection.
  ::curl_easy_setopt(easy(), CURLOPT_CAPATH, nullptr);
  if (!tls.authorities.empty()) {
    // These and no others.
    ::curl_easy_setopt(easy(), CURLOPT_CAINFO, nullptr);
    curl_blob authorities = BlobOf(tls.authorities);
    ::curl_easy_setopt(easy(), CURLOPT_CAINFO_BLOB, &authorities);
  }
  if (!tls.certificate.empty()) {
    curl_blob certificate = BlobOf(tls.certificate);
    curl_blob key = BlobOf(tls.key);
    ::curl_easy_setopt(easy(), CURLOPT_SSLCERT_BLOB, &certificate);
    ::curl_easy_setopt(easy(), CURLOPT_SSLKEY_BLOB, &key);
  }
}

void CurlRequest::SetConnection(const HttpOptions& options) {
  ::curl_easy_setopt(easy(), CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(easy(), CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(easy(), CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
  ::curl_easy_setopt(easy(), CURLOPT_NOSIGNAL, 1L);
  // Else the end of a call whose host is still looked up waits for the resolver's thread.
  ::curl_easy_setopt(easy(), CURLOPT_QUICK_EXIT, 1L);
  ::curl_easy_setopt(easy(), CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  ::curl_easy_setopt(easy(), CURLOPT_PIPEWAIT, 1L);
  ::curl_easy_setopt(easy(), CURLOPT_TCP_KEEPALIVE, 1L);
  // 0 would be curl's own time.
  ::curl_easy_setopt(easy(), CURLOPT_CONNECTTIMEOUT_MS,
                     std::max<long>(options.connect_timeout.count(), 1));
}

}  // namespace warren
