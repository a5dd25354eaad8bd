#include "runtime/fetcher/web_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/fetcher/times.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/network/address.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

constexpr int kMaxRedirects = 5;
// Of a redirect's own text.
constexpr size_t kMaxRedirectText = 64 << 10;

long InMillis(std::chrono::milliseconds time, double pace) {
  return static_cast<long>(static_cast<double>(time.count()) * pace);
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::StatusOr<IpAddress> AddressOf(const curl_sockaddr& where) {
  if (where.family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, &where.addr, sizeof(address));
    return boost::asio::ip::address_v4(ntohl(address.sin_addr.s_addr));
  }
  if (where.family != AF_INET6 || where.addrlen < sizeof(sockaddr_in6))
    return absl::UnimplementedError("an address of another family");
  // It is longer than the struct that it comes as.
  sockaddr_in6 address;
  std::memcpy(&address, reinterpret_cast<const char*>(&where.addr), sizeof(address));
  boost::asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
  return Unmapped(boost::asio::ip::address_v6(bytes));
}

struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

constexpr char kGone[] = "whoever asked for it has gone";

// In the words that a sandbox may read.
absl::Status StatusOf(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return absl::UnavailableError("it does not answer");
    case CURLE_ABORTED_BY_CALLBACK:
      return absl::CancelledError(kGone);
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError("it does not answer in time");
    case CURLE_PARTIAL_FILE:
      return absl::DataLossError("its answer ended before it was whole");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return absl::UnauthenticatedError("its TLS certificate is not accepted");
    default:
      return absl::InternalError("its answer cannot be understood");
  }
}

// For the operator alone: an index's host, and what it has sent, are not for sandboxes.
void LogFailure(const WebUrl& url, CURLcode code, const std::string& refused, const char* detail) {
  std::string reason = refused;
  if (reason.empty())
    reason = absl::StrCat(curl_easy_strerror(code), *detail != '\0' ? ": " : "", detail);
  spdlog::warn("event=web_failed host=\"{}\" port={} error=\"{}\"", absl::CEscape(url.host),
               url.port, absl::CEscape(reason));
}

}  // namespace

// One request of a chain of redirects, and what curl's callbacks find.
struct WebClient::Hop {
  const Setup& setup;
  const std::function<bool()>& is_gone;
  CURL* easy;
  WebUrl url;
  WebSink& sink;
  bool may_be_inner = false;
  std::unique_ptr<curl_slist, FreeList> fields;
  char error[CURL_ERROR_SIZE] = {};
  // Why an address was not connected to.
  std::string refused;
  bool told = false;
  bool ended_by_sink = false;
  size_t redirect_text = 0;

  int Status() const {
    long status = 0;
    ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  std::string Field(const char* name) const {
    curl_header* header = nullptr;
    if (::curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return "";
    return header->value;
  }
  bool IsRedirected() const { return IsRedirect(Status()); }
  bool TellHead() {
    if (std::exchange(told, true)) return true;
    WebHead head;
    head.status = Status();
    curl_off_t length = -1;
    ::curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length >= 0) head.length = length;
    head.content_type = Field("Content-Type");
    head.url = url;
    ended_by_sink = !sink.OnHead(head);
    return !ended_by_sink;
  }

  static size_t OnBytes(char* bytes, size_t, size_t size, void* context) {
    Hop& hop = *static_cast<Hop*>(context);
    if (hop.IsRedirected()) {
      hop.redirect_text += size;
      return hop.redirect_text <= kMaxRedirectText ? size : CURL_WRITEFUNC_ERROR;
    }
    if (!hop.TellHead()) return CURL_WRITEFUNC_ERROR;
    hop.ended_by_sink = !hop.sink.OnBytes({bytes, size});
    return hop.ended_by_sink ? CURL_WRITEFUNC_ERROR : size;
  }
  static int OnProgress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const Hop& hop = *static_cast<Hop*>(context);
    return hop.setup.stopping || hop.is_gone() ? 1 : 0;
  }
  // Each address is looked at right before that very one is dialled.
  static curl_socket_t OpenSocket(void* context, curlsocktype, curl_sockaddr* where) {
    Hop& hop = *static_cast<Hop*>(context);
    const absl::StatusOr<IpAddress> address = AddressOf(*where);
    if (!address.ok()) return CURL_SOCKET_BAD;
    const absl::string_view special = SpecialAddress(*address);
    if (!special.empty() && !hop.may_be_inner) {
      hop.refused = absl::StrCat(hop.url.host, " is at ", AddressText(*address), ", ", special,
                                 ", which is not where an index is");
      return CURL_SOCKET_BAD;
    }
    return ::socket(where->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  // Before the request is sent, on a connection that an earlier one has left too: that may have
  // been of an index whose host this is.
  static int OnConnected(void* context, char* to, char* from, int, int) {
    Hop& hop = *static_cast<Hop*>(context);
    if (hop.may_be_inner) return CURL_PREREQFUNC_OK;
    const absl::StatusOr<IpAddress> address = ParseAddress(to);
    if (address.ok() && SpecialAddress(*address).empty() && std::strcmp(to, from) != 0)
      return CURL_PREREQFUNC_OK;
    hop.refused = absl::StrCat(hop.url.host, " is at ", to,
                               ", an inner address or one of this server's own, which is not "
                               "where an index is");
    return CURL_PREREQFUNC_ABORT;
  }
};

WebClient::WebClient(const Setup& setup, std::function<bool()> is_gone)
    : setup_(setup), is_gone_(std::move(is_gone)), easy_(::curl_easy_init()) {
  // Else its end changes what the process does with SIGPIPE, whatever other threads do meanwhile.
  if (easy_ != nullptr) ::curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
}

MonotonicTime WebClient::Until(std::chrono::milliseconds time) const {
  return MonotonicClock::now() + std::chrono::milliseconds(InMillis(time, setup_.pace));
}

bool WebClient::MayBeInner(const WebUrl& url) const {
  if (LayerIsOff(setup_.layers_off, TestLayer::kIndexAddresses)) return true;
  return std::any_of(setup_.configured.begin(), setup_.configured.end(), [&](const WebUrl& other) {
    return other.host == url.host && other.port == url.port;
  });
}

void WebClient::SetOptions(const WebIndex& index, const WebRequest& request, Hop& hop) {
  CURL* easy = easy_.get();
  // All but its connections.
  ::curl_easy_reset(easy);
  ::curl_easy_setopt(easy, CURLOPT_URL, hop.url.text.c_str());
  ::curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, hop.url.scheme.c_str());
  ::curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  ::curl_easy_setopt(easy, CURLOPT_NOBODY, request.method == WebRequest::Method::kHead ? 1L : 0L);
  ::curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(easy, CURLOPT_USERAGENT, "warren-fetcher");
  // Whatever the environment says.
  ::curl_easy_setopt(easy, CURLOPT_PROXY, "");
  ::curl_easy_setopt(easy, CURLOPT_NETRC, long{CURL_NETRC_IGNORED});
  ::curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  if (!request.accept.empty()) {
    hop.fields.reset(
        ::curl_slist_append(nullptr, absl::StrCat("Accept: ", request.accept).c_str()));
    ::curl_easy_setopt(easy, CURLOPT_HTTPHEADER, hop.fields.get());
  }
  if (!index.credentials.empty() && hop.url.HasOriginOf(index.url)) {
    ::curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    ::curl_easy_setopt(easy, CURLOPT_USERPWD, index.credentials.c_str());
  }

  // These certificates and no others: curl would add its own directory of them.
  curl_blob certificates = {const_cast<char*>(index.certificates.data()), index.certificates.size(),
                            CURL_BLOB_NOCOPY};
  ::curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
  ::curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  if (!index.certificates.empty()) ::curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &certificates);
  ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  ::curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});

  ::curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, InMillis(kIndexConnectTime, setup_.pace));
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, InMillis(kIndexStallTime, setup_.pace) / 1000);

  if (request.until != MonotonicTime::max()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(request.until - MonotonicClock::now());
    // 0 would be no limit.
    ::curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, std::max<long>(left.count(), 1));
  }

  ::curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, hop.error);
  ::curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, Hop::OnBytes);
  ::curl_easy_setopt(easy, CURLOPT_WRITEDATA, &hop);
  ::curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, Hop::OnProgress);
  ::curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &hop);
  ::curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, Hop::OpenSocket);
  ::curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &hop);
  ::curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, Hop::OnConnected);
  ::curl_easy_setopt(easy, CURLOPT_PREREQDATA, &hop);
}

absl::StatusOr<std::optional<WebUrl>> WebClient::FetchOnce(const WebIndex& index,
                                                           const WebRequest& request,
                                                           const WebUrl& url, WebSink& sink) {
  Hop hop{setup_, is_gone_, easy_.get(), url, sink, MayBeInner(url), nullptr};
  SetOptions(index, request, hop);
  const CURLcode code = ::curl_easy_perform(easy_.get());
  // The handle outlives what these point to.
  ::curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER, nullptr);
  if (hop.ended_by_sink) return absl::CancelledError(kGone);
  if (code != CURLE_OK) {
    const absl::Status status = hop.refused.empty()
                                    ? StatusOf(code)
                                    : absl::PermissionDeniedError("it leads to where it may not");
    if (!absl::IsCancelled(status)) LogFailure(url, code, hop.refused, hop.error);
    return status;
  }
  if (!hop.IsRedirected()) {
    if (!hop.TellHead()) return absl::CancelledError(kGone);
    return std::nullopt;
  }
  absl::StatusOr<WebUrl> next = ResolveWebUrl(url, hop.Field("Location"));
  if (!next.ok() || hop.Field("Location").empty())
    return absl::PermissionDeniedError("it leads on to where nothing can be fetched from");
  if (next->scheme != "https" && index.url.scheme == "https")
    return absl::PermissionDeniedError("it leads on to http");
  return *std::move(next);
}

absl::Status WebClient::Fetch(const WebIndex& index, const WebRequest& request, WebSink& sink) {
  if (easy_ == nullptr) return absl::ResourceExhaustedError("no memory for a request");
  WebUrl url = request.url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    WARREN_ASSIGN_OR_RETURN(std::optional<WebUrl> next, FetchOnce(index, request, url, sink));
    if (!next) return absl::OkStatus();
    url = *std::move(next);
  }
  return absl::PermissionDeniedError(
      absl::StrCat("it leads on and on, more than ", kMaxRedirects, " times"));
}

absl::Status PrepareWebClients() {
  if (::curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
    return absl::InternalError("libcurl cannot be initialized");
  return absl::OkStatus();
}

}  // namespace warren
