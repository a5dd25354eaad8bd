// What a client of the E2B door sends in front of a request's body, and the JSON of the control
// plane. The first byte says of what kind.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "nlohmann/json.hpp"
#include "supervisor/gateway/control/create_request.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/list_query.h"
#include "supervisor/gateway/control/network_ranges.h"
#include "supervisor/gateway/control/network_rules.h"
#include "supervisor/gateway/envd/byte_range.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/signature.h"
#include "supervisor/gateway/http/target.h"
#include "supervisor/gateway/route.h"

namespace {

void CheckPath(absl::string_view path) {
  for (const char* user : {"user", "root"}) {
    const auto absolute = warren::EnvdPath(path, user);
    if (!absolute.ok()) continue;
    if (absolute->empty() || (*absolute)[0] != '/') std::abort();
    // One that is absolute is the sandbox's to understand.
    const bool given = !path.empty() && path[0] == '/';
    if (given ? *absolute != path : *absolute != warren::CleanPath(*absolute)) std::abort();
    if (warren::PathParent(*absolute)[0] != '/') std::abort();
  }
}

void CheckTarget(absl::string_view text) {
  const auto target = warren::ParseTarget(text);
  if (!target.ok()) return;
  for (const std::string& segment : target->segments) {
    if (segment == "." || segment == ".." || segment.find('/') != std::string::npos) std::abort();
  }
  const auto list = warren::ReadListQuery(*target, {});
  // Never all states: dead ones are none of E2B's.
  if (list.ok() && (list->states().empty() || list->page_size() < 1)) std::abort();
  const auto query = warren::ParseFileQuery(*target);
  if (!query.ok()) return;
  CheckPath(query->path.value_or(""));
  const std::string made = warren::SignatureOf(*query, warren::SignedDeed::kRead, "token");
  if (!warren::IsSignature(made)) std::abort();
}

void CheckHost(absl::string_view host) {
  const warren::GatewayRoute route = warren::RouteOf(host, host, host);
  if (!route.sandbox_id.empty() && !route.malformed && (route.port < 1 || route.port > 65535))
    std::abort();
  (void)warren::IsLocalHost(host);
  (void)warren::IsWithinDomain(host, "sandboxes.example.com");
  (void)warren::IsOfAnotherSite(host, host, "http://127.0.0.1:3000");
}

void CheckRange(absl::string_view header) {
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1000}, UINT64_MAX / 2}) {
    const warren::ByteRange range = warren::ParseByteRange(header, size);
    if (range.kind != warren::ByteRange::Kind::kPart) continue;
    if (range.length < 1 || range.length > size || range.first > size - range.length) std::abort();
  }
}

void CheckControl(absl::string_view body) {
  const auto object = warren::ParseObject(body);
  if (!object.ok()) return;
  for (auto version : {warren::ApiVersion::kV1, warren::ApiVersion::kV2})
    (void)warren::ReadCreate(*object, version, {});
  const auto egress = warren::ReadEgress(*object);
  if (!egress.ok()) return;
  const warren::v1::NetworkPolicy policy = warren::ToNetworkPolicy(*egress);
  // What is denied and not allowed stays denied: cut up or whole, there is a rule for it.
  if (egress->allow_out.empty() && policy.preset() == "internet" &&
      static_cast<size_t>(policy.deny_size()) != egress->deny_out.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data + 1, data + size);
  const absl::string_view text(exact.data(), exact.size());
  switch (data[0]) {
    case 'T':
      CheckTarget(text);
      break;
    case 'H':
      CheckHost(text);
      break;
    case 'R':
      CheckRange(text);
      break;
    case 'P':
      CheckPath(text);
      break;
    default:
      CheckControl(text);
      break;
  }
  return 0;
}
