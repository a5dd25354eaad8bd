#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_H_

#include <optional>
#include <string>

#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/signature.h"
#include "supervisor/gateway/envd/signature_search.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// envd's /files, at the gateway: GET and HEAD of a file, POST of one or several. Nothing of a file
// is held but a few pieces: the sandbox waits for its client, and the client for the sandbox.
//
// Thread-safe; the door outlives it, and it outlives the exchanges. It keeps nothing.
class EnvdFiles {
 public:
  explicit EnvdFiles(SandboxDoor& door) : door_(door), search_(door) {}

  // For the sandbox that the request names by its header or host. Allowed by X-Access-Token, or by
  // a signature in the query where there is no such header.
  Async<void> Serve(Exchange& exchange, const std::string& sandbox_id);
  // For the one that the signature is of: the request names none.
  Async<void> ServeSigned(Exchange& exchange);

 private:
  Async<void> ServeOpened(Exchange& exchange, const FileQuery& query, const std::string& sandbox_id,
                          Credential credential);
  // The query of a request that can be one; answered where it cannot.
  Async<std::optional<FileQuery>> Read(Exchange& exchange);

  SandboxDoor& door_;
  SignatureSearch search_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_FILE_TRANSFER_H_
