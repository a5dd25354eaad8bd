#ifndef WARREN_SUPERVISOR_E2B_HTTP_CURL_REQUEST_H_
#define WARREN_SUPERVISOR_E2B_HTTP_CURL_REQUEST_H_

#include <curl/curl.h>

#include <memory>

#include "absl/status/statusor.h"
#include "supervisor/e2b/http/http_client.h"

namespace warren {

// A request as curl has it, without what is called back: an easy handle and the lists that it
// points to. Thread-compatible.
class CurlRequest {
 public:
  // INTERNAL: the request cannot be one of HTTP. `options` outlive it.
  static absl::StatusOr<CurlRequest> Make(const HttpRequest& request, const HttpOptions& options);

  CURL* easy() const { return easy_.get(); }

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
  };
  struct FreeEasy {
    void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
  };
  using List = std::unique_ptr<curl_slist, FreeList>;

  static void Append(List& list, const std::string& line);
  absl::Status SetUrl(const HttpRequest& request, const HttpOptions& options);
  void SetMethod(const HttpRequest& request);
  absl::Status SetHeaders(const HttpRequest& request);
  void SetTls(const HttpTls& tls);
  void SetConnection(const HttpOptions& options);

  // In front of the handle, which points to them.
  List headers_;
  List connect_to_;
  std::unique_ptr<CURL, FreeEasy> easy_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_CURL_REQUEST_H_
