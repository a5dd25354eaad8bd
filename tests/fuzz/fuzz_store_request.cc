// What the supervisor asks of the package store: what passes has names that no path can leave.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/packages/package_name.h"
#include "runtime/store/set_plan.h"
#include "runtime/store/sha256.h"
#include "runtime/store/store_request.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckPackage(const warren::internal::StoredPackage& package) {
  Check(warren::IsSha256Hex(package.key()));
  Check(warren::IsNormalizedPackageName(package.name()));
  Check(package.version().find('/') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data, data + size);
  for (size_t fds : {0u, 1u}) {
    const auto request = warren::ParseStoreRequest({exact.data(), exact.size()}, fds);
    if (!request.ok()) continue;
    Check(request->has_add_package() == (fds == 1) && request->id() != 0);
    const absl::Status status = warren::CheckStoreRequest(*request);
    Check(status.message().size() < 1024);
    if (!status.ok()) continue;
    if (request->has_use_set()) Check(warren::IsSha256Hex(request->use_set().digest()));
    if (request->has_find_resolution())
      Check(warren::IsSha256Hex(request->find_resolution().request_digest()));
    if (request->has_add_package()) CheckPackage(request->add_package().package());
    const auto& packages = request->make_set().set().packages();
    for (const warren::internal::StoredPackage& package : packages) CheckPackage(package);
    Check(warren::IsSha256Hex(warren::SetDigest(packages)));
  }
  return 0;
}
