#include "tools/warren/files/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

constexpr int kBarCells = 20;
// As often as an eye wants to see it.
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(100);

std::string Bar(double share) {
  int full = static_cast<int>(share * kBarCells);
  return absl::StrCat("[", std::string(static_cast<size_t>(full), '#'),
                      std::string(static_cast<size_t>(kBarCells - full), '-'), "]");
}

// Its end where it is too long: that is where names differ. Cut before it is escaped, so that no
// escape is.
std::string Fitting(const std::string& name, size_t width) {
  std::string safe = Safe(name);
  size_t from = 0;
  while (safe.size() > width && from < name.size()) {
    ++from;
    safe = Safe(absl::string_view(name).substr(from));
  }
  return safe;
}

}  // namespace

std::string ProgressText(const ProgressState& state, int columns) {
  std::string text;
  if (state.total_bytes > 0) {
    // A file may grow while it is copied.
    double share = std::min(
        1.0, static_cast<double>(state.done_bytes) / static_cast<double>(state.total_bytes));
    text = absl::StrCat(Bar(share), absl::StrFormat(" %3d%% ", static_cast<int>(share * 100)));
  }
  absl::StrAppend(&text, FormatBytes(state.done_bytes));
  if (state.total_bytes > 0) absl::StrAppend(&text, " of ", FormatBytes(state.total_bytes));
  double seconds = absl::ToDoubleSeconds(state.elapsed);
  if (seconds > 0) {
    absl::StrAppend(
        &text, ", ",
        FormatBytes(static_cast<int64_t>(static_cast<double>(state.done_bytes) / seconds)), "/s");
  }
  size_t width = columns > 0 ? static_cast<size_t>(columns) : 0;
  if (text.size() + 2 < width) {
    absl::StrAppend(&text, "  ", Fitting(state.name, width - text.size() - 2));
  }
  return text.substr(0, width);
}

Progress::Progress(int fd, Visibility visibility)
    : line_(fd), visibility_(visibility), start_(absl::Now()) {}

void Progress::AddDone(int64_t bytes) {
  state_.done_bytes += bytes;
  if (visibility_ == Visibility::kHidden) return;
  absl::Time now = absl::Now();
  if (now - drawn_ < kRedrawInterval) return;
  drawn_ = now;
  state_.elapsed = now - start_;
  line_.Show(ProgressText(state_, line_.columns()));
}

}  // namespace warren
