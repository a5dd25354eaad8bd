#ifndef WARREN_SUPERVISOR_E2B_HTTP_RESPONSE_HEAD_H_
#define WARREN_SUPERVISOR_E2B_HTTP_RESPONSE_HEAD_H_

#include <curl/curl.h>

#include "supervisor/e2b/http/http_client.h"

namespace warren {

// What curl has read of an answer's head, once its last line has come.
HttpHead ReadResponseHead(CURL* easy);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_RESPONSE_HEAD_H_
