#ifndef WARREN_SUPERVISOR_E2B_HTTP_HTTP_ERRORS_H_
#define WARREN_SUPERVISOR_E2B_HTTP_HTTP_ERRORS_H_

#include <curl/curl.h>

#include "absl/status/status.h"

namespace warren {

// What a call that curl gave up ends with, as HttpSink::OnEnd has it: in words that name nothing of
// the server's.
absl::Status HttpErrorOf(CURLcode code);

// Of what curl knows nothing.
absl::Status HttpTimeoutError();
absl::Status HttpStallError();
absl::Status HttpHeadTooLongError();
// Also of a call that curl would have sent again.
absl::Status HttpBrokenError();

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_HTTP_ERRORS_H_
