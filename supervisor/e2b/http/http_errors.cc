#include "supervisor/e2b/http/http_errors.h"

namespace warren {

absl::Status HttpErrorOf(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return absl::UnavailableError("the cloud cannot be reached");
    // Times of calls are kept here: this one is that of connecting.
    case CURLE_OPERATION_TIMEDOUT:
      return absl::UnavailableError("no connection to the cloud came about in time");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return absl::UnavailableError("the cloud's TLS certificate was not accepted");
    case CURLE_SSL_CACERT_BADFILE:
      return absl::UnavailableError(
          "the authorities that TLS certificates are checked against cannot be read");
    case CURLE_SSL_CERTPROBLEM:
      return absl::UnavailableError("the certificate for the cloud cannot be used");
    case CURLE_SSL_CLIENTCERT:
      return absl::UnavailableError("the cloud did not accept the certificate that is for it");
    case CURLE_SSL_CONNECT_ERROR:
      return absl::UnavailableError("no TLS connection to the cloud came about");
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return HttpBrokenError();
    default:
      return absl::InternalError("what the cloud answered is no HTTP");
  }
}

absl::Status HttpTimeoutError() {
  return absl::DeadlineExceededError("the cloud did not answer in time");
}

absl::Status HttpStallError() {
  return absl::UnavailableError("nothing came from the cloud for too long");
}

absl::Status HttpHeadTooLongError() {
  return absl::InternalError("the head of the cloud's answer is too long");
}

absl::Status HttpBrokenError() {
  return absl::UnavailableError("the connection broke before the cloud's answer was whole");
}

}  // namespace warren
