#ifndef WARREN_RUNTIME_PACKAGES_PACKAGE_NAME_H_
#define WARREN_RUNTIME_PACKAGES_PACKAGE_NAME_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace warren {

inline constexpr size_t kMaxPackageName = 128;

// What a name is served and asked for by on every sandbox's side of the package index. No public
// name: .internal is reserved for private use.
inline constexpr char kPackageIndexHost[] = "index.warren.internal";
inline constexpr int kPackageIndexPort = 80;

// As PEP 508 has names: ASCII letters and digits, and "-_." between them; at most kMaxPackageName.
bool IsPackageName(absl::string_view name);
// As PEP 503 compares names: "Zope.Interface" → "zope-interface".
std::string NormalizedPackageName(absl::string_view name);
bool IsNormalizedPackageName(absl::string_view name);

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_PACKAGE_NAME_H_
