#include "supervisor/e2b/control/usage_meter.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

constexpr size_t kMaxUsageFile = 4096;
constexpr char kMonthFormat[] = "%Y-%m";

absl::Time MonthOf(absl::Time time, int months_later) {
  const absl::CivilMonth month(absl::ToCivilSecond(time, absl::UTCTimeZone()));
  return absl::FromCivil(absl::CivilSecond(month + months_later), absl::UTCTimeZone());
}

}  // namespace

absl::Status UsageMeter::Load(absl::Time now) {
  MutexLock lock(&mu_);
  Settle(now);
  if (budget_.file().empty() || ::access(budget_.file().c_str(), F_OK) != 0)
    return absl::OkStatus();
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(budget_.file(), kMaxUsageFile));
  // "2026-12 1234.5": the month, and seconds.
  const std::vector<std::string> words =
      absl::StrSplit(absl::StripSuffix(text, "\n"), absl::MaxSplits(' ', 1));
  double seconds = 0;
  if (words.size() != 2 || !absl::SimpleAtod(words[1], &seconds) || !(seconds >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("read ", budget_.file(),
                     ": it is not what Warren writes there (\"2026-01 123.4\"): name another file "
                     "for the budget, or remove this one to begin anew"));
  }
  if (words[0] == absl::FormatTime(kMonthFormat, month_, absl::UTCTimeZone()))
    sum_ += absl::Seconds(seconds);
  return absl::OkStatus();
}

absl::Status UsageMeter::Save(absl::Time now) {
  std::string text;
  {
    MutexLock lock(&mu_);
    if (budget_.file().empty()) return absl::OkStatus();
    Settle(now);
    text = absl::StrCat(absl::FormatTime(kMonthFormat, month_, absl::UTCTimeZone()), " ",
                        absl::ToDoubleSeconds(UsedLocked(now)), "\n");
  }
  if (text == saved_) return absl::OkStatus();
  const std::string beside = absl::StrCat(budget_.file(), ".new");
  UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file.valid()) return Errno(absl::StrCat("open ", beside));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return Errno(absl::StrCat("write ", beside));
  // Before it takes the place of the one that is whole: else a crash may leave an empty one there.
  if (::fdatasync(file.get()) != 0) return Errno(absl::StrCat("fdatasync ", beside));
  if (::rename(beside.c_str(), budget_.file().c_str()) != 0)
    return Errno(absl::StrCat("rename ", beside, " to ", budget_.file()));
  saved_ = std::move(text);
  return absl::OkStatus();
}

void UsageMeter::Runs(absl::string_view sandbox_id, absl::Time now, absl::Time ends) {
  MutexLock lock(&mu_);
  Settle(now);
  auto [found, fresh] = running_.try_emplace(std::string(sandbox_id), Running{now, ends});
  if (!fresh) found->second.ends = ends;
}

void UsageMeter::Stopped(absl::string_view sandbox_id, absl::Time now) {
  MutexLock lock(&mu_);
  Settle(now);
  auto found = running_.find(std::string(sandbox_id));
  if (found == running_.end()) return;
  sum_ += std::max(std::min(now, found->second.ends) - found->second.since, absl::ZeroDuration());
  running_.erase(found);
}

absl::Duration UsageMeter::Used(absl::Time now) {
  MutexLock lock(&mu_);
  Settle(now);
  return UsedLocked(now);
}

absl::Duration UsageMeter::UsedLocked(absl::Time now) const {
  absl::Duration used = sum_;
  for (const auto& [id, each] : running_) used += std::max(now - each.since, absl::ZeroDuration());
  return used;
}

bool UsageMeter::WarnsNow(absl::Time now) {
  MutexLock lock(&mu_);
  Settle(now);
  if (warned_ || budget_.sandbox_minutes() == 0) return false;
  warned_ = UsedLocked(now) >= limit() * budget_.warn_percent() / 100;
  return warned_;
}

void UsageMeter::Settle(absl::Time now) {
  if (now >= next_month_) {
    month_ = MonthOf(now, 0);
    next_month_ = MonthOf(now, 1);
    sum_ = absl::ZeroDuration();
    warned_ = false;
    for (auto& [id, each] : running_) each.since = std::max(each.since, month_);
  }
  for (auto each = running_.begin(); each != running_.end();) {
    if (each->second.ends > now) {
      ++each;
      continue;
    }
    sum_ += std::max(each->second.ends - each->second.since, absl::ZeroDuration());
    each = running_.erase(each);
  }
}

}  // namespace warren
