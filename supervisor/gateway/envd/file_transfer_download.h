#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_DOWNLOAD_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_DOWNLOAD_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// Answers a GET or HEAD with the file, whole or the range that is asked for, gzipped where the
// client wants nothing else. Where it cannot be sent to its end the connection is cut: who counts
// the bytes sees that some are missing.
Async<void> SendFile(Exchange& exchange, std::shared_ptr<SandboxHandle> handle, std::string path,
                     std::string user);

// Whether a client with this Accept-Encoding gets gzip: it names that, and no other coding. What
// HTTP clients say by themselves names several (undici: "gzip, deflate", "br, gzip, deflate"), and
// to answer those so would bring every download down to the speed of compressing it; E2B's SDKs
// send "gzip" alone where their caller has asked for it.
bool WantsGzip(absl::string_view accept_encoding);

// For a file of this path: the name as ASCII between quotes, and where it is more than that, as it
// is (RFC 6266). Nothing of a name can end the header, or begin another.
std::string ContentDisposition(absl::string_view path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_DOWNLOAD_H_
