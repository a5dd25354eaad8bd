#ifndef WARREN_RUNTIME_LINUX_MEMFD_H_
#define WARREN_RUNTIME_LINUX_MEMFD_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// A memfd with `content` that nobody can change any more (all seals set).
absl::StatusOr<UniqueFd> SealedMemfd(const std::string& name, absl::string_view content);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_MEMFD_H_
