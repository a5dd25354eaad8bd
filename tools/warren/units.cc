#include "tools/warren/units.h"

#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace warren {

absl::StatusOr<absl::Duration> ParseDurationFlag(absl::string_view text) {
  double seconds = 0;
  absl::Duration duration;
  if (absl::SimpleAtod(text, &seconds)) {
    duration = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &duration)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a duration: want e.g. 30s, 250ms, 1.5h or 1h30m"));
  }
  if (duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" is out of range: want a finite duration that is not negative"));
  }
  return duration;
}

absl::StatusOr<int64_t> ParseBytes(absl::string_view text) {
  std::string lower = absl::AsciiStrToLower(text);
  absl::string_view rest = lower;
  bool named_bytes = absl::ConsumeSuffix(&rest, "b");
  bool binary = named_bytes && absl::ConsumeSuffix(&rest, "i");
  double factor = 1;
  size_t power =
      rest.empty() ? absl::string_view::npos : absl::string_view("kmgt").find(rest.back());
  if (power != absl::string_view::npos) {
    factor = std::ldexp(1.0, 10 * (static_cast<int>(power) + 1));
    rest.remove_suffix(1);
  }
  double number = 0;
  bool bare_ib = binary && factor == 1;
  if (bare_ib || rest.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(rest.back())) ||
      !absl::SimpleAtod(rest, &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a size: want bytes, or e.g. 512M, 1.5GiB"));
  }
  double bytes = number * factor;
  if (!(bytes >= 0) || bytes >= static_cast<double>(std::numeric_limits<int64_t>::max())) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is out of range for a size"));
  }
  return static_cast<int64_t>(std::llround(bytes));
}

absl::StatusOr<int32_t> ParseCpuMillis(absl::string_view text) {
  double cores = 0;
  if (!absl::SimpleAtod(text, &cores) || !(cores >= 0.001) || cores > 1'000'000) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a number of cores: want e.g. 0.5 or 2"));
  }
  return static_cast<int32_t>(std::lround(cores * 1000));
}

std::string FormatBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : kUnits) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

absl::Time ToAbslTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string FormatSpan(absl::Duration span) {
  double seconds = absl::ToDoubleSeconds(span);
  if (seconds < 1e-3) return absl::StrFormat("%.0f us", seconds * 1e6);
  if (seconds < 1) return absl::StrFormat("%.1f ms", seconds * 1e3);
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  return absl::FormatDuration(absl::Trunc(span, absl::Seconds(1)));
}

}  // namespace warren
