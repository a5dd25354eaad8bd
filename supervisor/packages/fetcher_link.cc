#include "supervisor/packages/fetcher_link.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/packages/package_name.h"
#include "spdlog/spdlog.h"
#include "supervisor/packages/builder_word.h"

namespace warren {
namespace {

constexpr size_t kMaxEventBytes = 16 << 10;
constexpr size_t kMaxWantedFiles = 4;
// That wait for their answers: more than the fetcher has threads.
constexpr size_t kMaxUnanswered = 256;
constexpr size_t kMaxReason = 512;
// Of all sandboxes: whoever asks in a loop fills no log.
constexpr std::chrono::seconds kRefusalWindow(60);
constexpr int kMaxRefusalLines = 120;
// What fits into one message at kMaxPackageName bytes each.
constexpr size_t kNamesPerMessage = 512;

absl::Status CheckWanted(const internal::DependenciesWanted& wanted) {
  if (wanted.id() == 0 || wanted.files().empty() ||
      static_cast<size_t>(wanted.files_size()) > kMaxWantedFiles) {
    return absl::InvalidArgumentError("a question of the fetcher's is malformed");
  }
  for (const internal::FetchedFile& file : wanted.files()) {
    if (!IsIndexFileUrl(absl::StrCat("http://", kPackageIndexHost, file.path())) ||
        !IsArchiveDigest(file.sha256())) {
      return absl::InvalidArgumentError("a question of the fetcher's is of no file");
    }
  }
  return absl::OkStatus();
}

}  // namespace

FetcherLink::FetcherLink(IoLoop& loop, OnWanted on_wanted)
    : on_wanted_(std::move(on_wanted)),
      link_(
          loop, "fetcher", kMaxEventBytes,
          [this](absl::string_view message) { return Take(message); }, [] {}) {}

void FetcherLink::Start(UniqueFd socket) {
  unanswered_.clear();
  link_.Start(std::move(socket));
  Tell({learned_.begin(), learned_.end()});
}

void FetcherLink::Learn(const std::vector<std::string>& names) {
  std::vector<std::string> news;
  for (const std::string& name : names) {
    if (learned_.size() >= kMaxLearned || !IsNormalizedPackageName(name)) continue;
    if (learned_.insert(name).second) news.push_back(name);
  }
  Tell(news);
}

void FetcherLink::Answer(uint64_t wanted) {
  if (unanswered_.erase(wanted) == 0) return;
  internal::FetcherRequest request;
  request.mutable_dependencies_answered()->set_id(wanted);
  link_.Send(request.SerializeAsString());
}

void FetcherLink::Tell(const std::vector<std::string>& names) {
  for (size_t begin = 0; begin < names.size(); begin += kNamesPerMessage) {
    const size_t end = std::min(names.size(), begin + kNamesPerMessage);
    internal::FetcherRequest request;
    internal::LearnDependencies& learn = *request.mutable_learn_dependencies();
    for (size_t i = begin; i < end; ++i) learn.add_names(names[i]);
    link_.Send(request.SerializeAsString());
  }
}

absl::Status FetcherLink::Take(absl::string_view message) {
  internal::FetcherEvent event;
  if (!event.ParseFromArray(message.data(), static_cast<int>(message.size())) ||
      event.event_case() == internal::FetcherEvent::EVENT_NOT_SET) {
    return absl::InvalidArgumentError("an event of the fetcher's cannot be understood");
  }
  if (event.has_dependencies_wanted()) {
    const internal::DependenciesWanted& wanted = event.dependencies_wanted();
    WARREN_RETURN_IF_ERROR(CheckWanted(wanted));
    if (unanswered_.size() >= kMaxUnanswered || !unanswered_.insert(wanted.id()).second)
      return absl::InvalidArgumentError("the fetcher asks more than it waits for");
    on_wanted_(wanted);
    return absl::OkStatus();
  }
  const internal::PackageRefused& refused = event.package_refused();
  if (refused.package().size() > kMaxPackageName || refused.reason().size() > kMaxReason ||
      refused.sandbox_id().size() > kMaxPackageName) {
    return absl::InvalidArgumentError("an event of the fetcher's is too long");
  }
  Log(refused);
  return absl::OkStatus();
}

void FetcherLink::Log(const internal::PackageRefused& refused) {
  const MonotonicTime now = MonotonicClock::now();
  if (now - refusals_since_ >= kRefusalWindow) {
    refusals_since_ = now;
    refusals_ = 0;
  }
  if (++refusals_ > kMaxRefusalLines) {
    ++refusals_unlogged_;
    return;
  }
  spdlog::info("event=package_refused sandbox=\"{}\" package=\"{}\" reason=\"{}\" unlogged={}",
               absl::CEscape(refused.sandbox_id()), absl::CEscape(refused.package()),
               absl::CEscape(refused.reason()),
               refused.lost() + std::exchange(refusals_unlogged_, 0));
}

}  // namespace warren
