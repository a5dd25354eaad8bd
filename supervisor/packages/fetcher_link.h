#ifndef WARREN_SUPERVISOR_PACKAGES_FETCHER_LINK_H_
#define WARREN_SUPERVISOR_PACKAGES_FETCHER_LINK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/packages/service_link.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// The fetcher, as the supervisor talks with it (fetcher.proto): what came as a dependency of
// allowed packages may be had by users' own programs too, and each refusal is a line of the log.
//
// IO thread only.
class FetcherLink {
 public:
  // As many as the fetcher keeps; what comes later is not learned.
  static constexpr size_t kMaxLearned = 65536;

  // Of DependenciesWanted, checked. Whoever takes it says Answer in any case.
  using OnWanted = std::function<void(const internal::DependenciesWanted& wanted)>;

  FetcherLink(IoLoop& loop, OnWanted on_wanted);

  void Start(UniqueFd socket);
  void Close() { link_.Close(); }
  // Normalized names.
  void Learn(const std::vector<std::string>& names);
  // What was learned of it was told before. Of no effect on another fetcher than the one that
  // asked.
  void Answer(uint64_t wanted);

 private:
  void Tell(const std::vector<std::string>& names);
  absl::Status Take(absl::string_view message);
  void Log(const internal::PackageRefused& refused);

  const OnWanted on_wanted_;
  std::set<std::string> learned_;
  // Lines of refusals since then, and what came beyond the bound.
  MonotonicTime refusals_since_;
  int refusals_ = 0;
  int64_t refusals_unlogged_ = 0;
  // Asked by the fetcher that is there, and not answered.
  std::set<uint64_t> unanswered_;
  ServiceLink link_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_FETCHER_LINK_H_
