#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_STATS_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_STATS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// CPU time of a whole sandbox since it was made.
struct CpuTime {
  absl::Duration user;
  absl::Duration system;
};

// The files of a sandbox's cgroup, opened by the launcher. They outlive the cgroup only as
// descriptors: once it is removed every read fails, and the reader has no value, unless it is given
// what the launcher read last. Thread-safe: reads are pread(2) from offset 0.
class SandboxStats {
 public:
  SandboxStats() = default;
  // One descriptor for each kind; what belongs to no kind is dropped.
  SandboxStats(const google::protobuf::RepeatedPtrField<internal::StatFile>& kinds,
               std::vector<UniqueFd> fds);
  // Of a cgroup that is gone: what its files said last, SandboxGone.stats.
  explicit SandboxStats(google::protobuf::RepeatedPtrField<internal::StatFile> last)
      : last_(std::move(last)) {}

  std::optional<CpuTime> ReadCpu() const;
  std::optional<int64_t> ReadMemory() const {
    return ReadNumber(internal::StatFile::MEMORY_CURRENT);
  }
  std::optional<int64_t> ReadPids() const { return ReadNumber(internal::StatFile::PIDS_CURRENT); }
  // The kernel's high-water mark; the current value where it keeps none.
  std::optional<int64_t> ReadPeakMemory() const;
  std::optional<int64_t> ReadPeakPids() const;
  // Processes that the kernel killed for memory.
  std::optional<int64_t> ReadOomKills() const;

 private:
  static constexpr int kKinds = internal::StatFile::Kind_ARRAYSIZE;
  // Control files are a page at most; what is beyond has no line that is looked for here.
  static constexpr size_t kMaxBytes = 4096;

  // The content, in `buffer`; empty when there is no such file or it cannot be read.
  absl::string_view Read(internal::StatFile::Kind kind, char (&buffer)[kMaxBytes]) const;
  std::optional<int64_t> ReadNumber(internal::StatFile::Kind kind) const;

  UniqueFd files_[kKinds];
  google::protobuf::RepeatedPtrField<internal::StatFile> last_;
};

// "  123\n" → 123. Nothing for what is not a whole number of at least 0.
std::optional<int64_t> ParseNumber(absl::string_view text);
// The number behind `key` in lines of "key number".
std::optional<int64_t> ParseField(absl::string_view lines, absl::string_view key);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_STATS_H_
