#ifndef WARREN_RUNTIME_FETCHER_INDEX_PAGE_H_
#define WARREN_RUNTIME_FETCHER_INDEX_PAGE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/fetcher/package_file.h"
#include "runtime/fetcher/web_url.h"

namespace warren {

inline constexpr size_t kMaxIndexPage = 8 << 20;
inline constexpr size_t kMaxPackageFiles = 10000;

// The simple API's types of pages. This one's name is a constant of that protocol (PEP 691),
// whoever's index it is.
inline constexpr char kSimpleJson[] = "application/vnd.pypi.simple.v1+json";
inline constexpr char kSimpleHtml[] = "application/vnd.pypi.simple.v1+html";

// What an index's page tells of a package's files, whichever they are; a file whose name or URL
// cannot be used is left out. INVALID_ARGUMENT: the page cannot be read, there is too much on it,
// or it has files, and none of them can be used. Thread-safe.
absl::StatusOr<std::vector<PackageFile>> ParseIndexPage(absl::string_view content_type,
                                                        absl::string_view body, const WebUrl& page);
// PEP 691.
absl::StatusOr<std::vector<PackageFile>> ParseJsonPage(absl::string_view body, const WebUrl& page);
// PEP 503.
absl::StatusOr<std::vector<PackageFile>> ParseHtmlPage(absl::string_view body, const WebUrl& page);

inline constexpr char kNoUsableFile[] = "its page has files, and none of them can be used";

// Before other threads and before there is a filter: what the library reads once.
void PrepareIndexPages();

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_INDEX_PAGE_H_
