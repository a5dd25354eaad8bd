#ifndef WARREN_RUNTIME_PACKAGES_INDEX_URL_H_
#define WARREN_RUNTIME_PACKAGES_INDEX_URL_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace warren {

// Whether it is "https://HOST[:PORT]/PATH", or http: no user or password, no query, no fragment;
// HOST is a name or an address ("[2001:db8::1]"). INVALID_ARGUMENT says what is wrong with it, and
// does not repeat it: there may be a password in it.
absl::Status ValidateIndexUrl(absl::string_view url);

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_INDEX_URL_H_
