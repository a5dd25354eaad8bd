#include "supervisor/session/sandbox_stats.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace warren {

using internal::StatFile;

std::optional<int64_t> ParseNumber(absl::string_view text) {
  int64_t value;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &value) || value < 0) return std::nullopt;
  return value;
}

std::optional<int64_t> ParseField(absl::string_view lines, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(lines, '\n')) {
    if (absl::ConsumePrefix(&line, key) && absl::ConsumePrefix(&line, " ")) {
      return ParseNumber(line);
    }
  }
  return std::nullopt;
}

SandboxStats::SandboxStats(const google::protobuf::RepeatedPtrField<StatFile>& kinds,
                           std::vector<UniqueFd> fds) {
  size_t count = std::min(fds.size(), static_cast<size_t>(kinds.size()));
  for (size_t i = 0; i < count; ++i) {
    int kind = kinds[static_cast<int>(i)].kind();
    if (kind > 0 && kind < kKinds) files_[kind] = std::move(fds[i]);
  }
}

absl::string_view SandboxStats::Read(StatFile::Kind kind, char (&buffer)[kMaxBytes]) const {
  for (const StatFile& file : last_) {
    if (file.kind() == kind) return file.content();
  }
  if (!files_[kind].valid()) return {};
  ssize_t n = ::pread(files_[kind].get(), buffer, kMaxBytes, 0);
  return n > 0 ? absl::string_view(buffer, static_cast<size_t>(n)) : absl::string_view();
}

std::optional<int64_t> SandboxStats::ReadNumber(StatFile::Kind kind) const {
  char buffer[kMaxBytes];
  return ParseNumber(Read(kind, buffer));
}

std::optional<CpuTime> SandboxStats::ReadCpu() const {
  char buffer[kMaxBytes];
  if (absl::string_view lines = Read(StatFile::CPU_STAT, buffer); !lines.empty()) {
    auto user = ParseField(lines, "user_usec");
    auto system = ParseField(lines, "system_usec");
    if (!user || !system) return std::nullopt;
    return CpuTime{absl::Microseconds(*user), absl::Microseconds(*system)};
  }
  auto user = ReadNumber(StatFile::CPU_USAGE_USER);
  auto system = ReadNumber(StatFile::CPU_USAGE_SYSTEM);
  if (!user || !system) return std::nullopt;
  return CpuTime{absl::Nanoseconds(*user), absl::Nanoseconds(*system)};
}

std::optional<int64_t> SandboxStats::ReadPeakMemory() const {
  auto peak = ReadNumber(StatFile::MEMORY_PEAK);
  return peak ? peak : ReadMemory();
}

std::optional<int64_t> SandboxStats::ReadPeakPids() const {
  auto peak = ReadNumber(StatFile::PIDS_PEAK);
  return peak ? peak : ReadNumber(StatFile::PIDS_CURRENT);
}

std::optional<int64_t> SandboxStats::ReadOomKills() const {
  char buffer[kMaxBytes];
  return ParseField(Read(StatFile::MEMORY_EVENTS, buffer), "oom_kill");
}

}  // namespace warren
