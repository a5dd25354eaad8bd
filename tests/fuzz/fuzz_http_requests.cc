// What a program of a sandbox says on a connection that may be HTTP, to the host "allowed.example".
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/relay/http_requests.h"

namespace {

struct Outcome {
  size_t forwarded = 0;
  bool opaque = false;
  bool denied = false;
};

// As it comes, `step` bytes at a time.
Outcome Feed(absl::string_view bytes, size_t step) {
  warren::HttpGuard guard("allowed.example", 80);
  Outcome outcome;
  for (size_t come = 0; come < bytes.size() && !outcome.denied;) {
    come = std::min(bytes.size(), come + step);
    // Of its own size, so that a sanitizer sees what is read behind it.
    const std::vector<char> peeked(bytes.begin() + outcome.forwarded, bytes.begin() + come);
    const auto look = guard.Next(absl::string_view(peeked.data(), peeked.size()));
    if (look.forward > peeked.size()) std::abort();
    const bool keeps = look.need_more || !look.denied.empty();
    if (keeps != (look.forward < peeked.size()) && look.denied.empty()) std::abort();
    outcome.forwarded += look.forward;
    outcome.opaque = look.opaque;
    outcome.denied = !look.denied.empty();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<char> exact(data, data + size);
  const absl::string_view bytes(exact.data(), exact.size());
  const Outcome whole = Feed(bytes, std::max<size_t>(size, 1));
  for (size_t step : {size_t{1}, 2 + size % 61}) {
    const Outcome pieces = Feed(bytes, step);
    if (pieces.forwarded != whole.forwarded || pieces.opaque != whole.opaque) std::abort();
  }
  // What was decided on fewer bytes stays so.
  const auto likeness = warren::LooksLikeHttp(bytes);
  const auto earlier = warren::LooksLikeHttp(bytes.substr(0, size / 2));
  if (size < warren::kMaxHttpHead && earlier != warren::HttpLikeness::kNeedMore &&
      earlier != likeness) {
    std::abort();
  }
  return 0;
}
