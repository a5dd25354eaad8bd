// What a program of a sandbox says first on a connection that may be TLS.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/network/host_name.h"
#include "runtime/relay/client_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using State = warren::ClientHello::State;
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data, data + size);
  const absl::string_view bytes(exact.data(), exact.size());
  const auto hello = warren::InspectClientHello(bytes);
  if (hello.state != State::kComplete && !hello.server_name.empty()) std::abort();
  if ((hello.state == State::kMalformed) == hello.problem.empty()) std::abort();
  if (!hello.server_name.empty()) {
    const auto name = warren::NormalizeHostName(hello.server_name);
    if (!name.ok() || *name != hello.server_name) std::abort();
  }
  // What was decided on fewer bytes stays so.
  const auto earlier = warren::InspectClientHello(bytes.substr(0, size / 2));
  if (earlier.state != State::kNeedMore &&
      (earlier.state != hello.state || earlier.server_name != hello.server_name ||
       earlier.encrypted != hello.encrypted)) {
    std::abort();
  }
  return 0;
}
