#include "runtime/store/store_request.h"

#include <string>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/packages/package_name.h"
#include "runtime/packages/version.h"
#include "runtime/store/quote.h"
#include "runtime/store/sha256.h"

namespace warren {
namespace {

using internal::StoreRequest;

// A set must fit into one page of a list (100 KiB), with its conflicts.
constexpr size_t kMaxSetBytes = 80 << 10;
constexpr int32_t kMostFiles = 1'000'000;
constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int32_t kMostPatience = 3600;
// Of a resolution: ten years.
constexpr int64_t kMostSeconds = 315'360'000;

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status CheckDigest(absl::string_view digest) {
  if (IsSha256Hex(digest)) return absl::OkStatus();
  return Wrong(absl::StrCat(QuotedPath(digest), " is no digest"));
}

absl::Status CheckPackageInfo(const internal::StoredPackage& package) {
  WARREN_RETURN_IF_ERROR(CheckDigest(package.key()));
  if (!IsNormalizedPackageName(package.name()))
    return Wrong(absl::StrCat(QuotedPath(package.name()), " is no normalized name of a package"));
  if (package.version().size() > kMaxVersionBytes ||
      package.version().find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ.!+-_") != std::string::npos ||
      package.version().empty()) {
    return Wrong(absl::StrCat(QuotedPath(package.version()), " is no version"));
  }
  return absl::OkStatus();
}

absl::Status CheckAdd(const internal::AddPackage& add) {
  WARREN_RETURN_IF_ERROR(CheckPackageInfo(add.package()));
  if (add.max_bytes() < 0 || add.max_bytes() > kMostBytes)
    return Wrong("max_bytes is out of range");
  if (add.max_files() < 0 || add.max_files() > kMostFiles)
    return Wrong("max_files is out of range");
  if (add.patience_seconds() < 0 || add.patience_seconds() > kMostPatience)
    return Wrong("patience_seconds is out of range");
  return absl::OkStatus();
}

absl::Status CheckMake(const internal::MakeSet& make) {
  std::unordered_set<std::string> keys;
  size_t bytes = 0;
  for (const internal::StoredPackage& package : make.set().packages()) {
    WARREN_RETURN_IF_ERROR(CheckPackageInfo(package));
    if (!keys.insert(package.key()).second)
      return Wrong(absl::StrCat("the package ", package.key(), " is twice in the set"));
    // With what the store adds: size, files, and how long it is.
    bytes += package.key().size() + package.name().size() + package.version().size() + 32;
  }
  if (bytes > kMaxSetBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a set of ", make.set().packages_size(), " packages is too large"));
  }
  if (make.request_digest().empty()) return absl::OkStatus();
  if (make.valid_seconds() <= 0 || make.valid_seconds() > kMostSeconds)
    return Wrong("valid_seconds is out of range");
  return CheckDigest(make.request_digest());
}

}  // namespace

absl::StatusOr<StoreRequest> ParseStoreRequest(absl::string_view data, size_t fds) {
  StoreRequest request;
  if (!request.ParseFromArray(data.data(), static_cast<int>(data.size())) || request.id() == 0 ||
      request.request_case() == StoreRequest::REQUEST_NOT_SET) {
    return Wrong("the supervisor's request is malformed");
  }
  if (fds != (request.has_add_package() ? 1u : 0u))
    return Wrong(absl::StrCat("the supervisor's request comes with ", fds, " descriptors"));
  return request;
}

absl::Status CheckStoreRequest(const StoreRequest& request) {
  switch (request.request_case()) {
    case StoreRequest::kFindResolution:
      return CheckDigest(request.find_resolution().request_digest());
    case StoreRequest::kHasPackages:
      for (const std::string& key : request.has_packages().keys())
        WARREN_RETURN_IF_ERROR(CheckDigest(key));
      return absl::OkStatus();
    case StoreRequest::kAddPackage:
      return CheckAdd(request.add_package());
    case StoreRequest::kMakeSet:
      return CheckMake(request.make_set());
    case StoreRequest::kUseSet:
      return CheckDigest(request.use_set().digest());
    case StoreRequest::kReleaseSet:
      return CheckDigest(request.release_set().digest());
    case StoreRequest::kPrune:
      return request.prune().unused_seconds() >= 0 ? absl::OkStatus()
                                                   : Wrong("unused_seconds is negative");
    default:
      return absl::OkStatus();
  }
}

}  // namespace warren
