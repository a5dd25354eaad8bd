#ifndef WARREN_TOOLS_WARREN_UNITS_H_
#define WARREN_TOOLS_WARREN_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

// The quantities that people type and read: durations, sizes, shares of a core. Pure functions.
namespace warren {

// "30s", "1.5h", "250ms", "1h30m"; a plain number is seconds. Refuses what is negative, infinite or
// empty.
absl::StatusOr<absl::Duration> ParseDurationFlag(absl::string_view text);

// "512M", "1.5GiB", "65536". K, M, G and T are powers of 1024, with or without "B" or "iB".
absl::StatusOr<int64_t> ParseBytes(absl::string_view text);

// Cores to thousandths of a core: "0.5" is 500. Refuses less than a thousandth.
absl::StatusOr<int32_t> ParseCpuMillis(absl::string_view text);

// "118.2 MiB", "512 B".
std::string FormatBytes(int64_t bytes);

// A point in time as messages carry it.
absl::Time ToAbslTime(const google::protobuf::Timestamp& time);

// A length of time with three or so significant digits: "3.2 ms", "12.4 s", "2h5m".
std::string FormatSpan(absl::Duration span);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_UNITS_H_
