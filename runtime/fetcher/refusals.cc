#include "runtime/fetcher/refusals.h"

#include "absl/strings/ascii.h"
#include "runtime/base/io.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {
namespace {

constexpr size_t kMaxRefusedName = 128;
constexpr size_t kMaxRefusalReason = 512;

}  // namespace

std::string PrintableLine(absl::string_view text, size_t most) {
  std::string line(text.substr(0, most));
  for (char& c : line) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return line;
}

void Refusals::Tell(const std::string& sandbox_id, absl::string_view package,
                    absl::string_view reason) {
  internal::FetcherEvent event;
  internal::PackageRefused& refused = *event.mutable_package_refused();
  refused.set_sandbox_id(sandbox_id);
  refused.set_package(PrintableLine(package, kMaxRefusedName));
  refused.set_reason(PrintableLine(reason, kMaxRefusalReason));
  MutexLock lock(&mu_);
  refused.set_lost(lost_);
  const bool sent = SendMessage(supervisor_, event.SerializeAsString(), {}, WhenFull::kFail).ok();
  lost_ = sent ? 0 : lost_ + 1;
}

}  // namespace warren
