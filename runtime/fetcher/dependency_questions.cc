#include "runtime/fetcher/dependency_questions.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>

#include "runtime/base/io.h"
#include "runtime/fetcher/times.h"

namespace warren {
namespace {

// Of 63 bits. There is none only where the kernel has no such call.
uint64_t RandomNumber() {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != sizeof(number)) return 0;
  return number >> 1;
}

}  // namespace

DependencyQuestions::DependencyQuestions(int supervisor, double pace)
    : supervisor_(supervisor), pace_(pace), last_question_(RandomNumber()) {}

void DependencyQuestions::NoteFetched(const std::string& sandbox_id, absl::string_view path,
                                      const std::string& sha256) {
  const std::lock_guard<std::mutex> lock(mu_);
  // Answered, or being asked for.
  if (auto asked = asked_.find(sha256); asked != asked_.end() && !open_.contains(asked->second))
    return;
  auto [entry, is_new] = fetched_.try_emplace(sandbox_id);
  if (is_new) {
    sandboxes_.push_back(sandbox_id);
    if (sandboxes_.size() > kMaxSandboxes) ForgetOldest();
  }
  std::deque<internal::FetchedFile>& files = entry->second;
  const bool known = std::any_of(files.begin(), files.end(),
                                 [&](const auto& file) { return file.sha256() == sha256; });
  if (known) return;
  internal::FetchedFile& file = files.emplace_back();
  file.set_path(std::string(path));
  file.set_sha256(sha256);
  if (files.size() > kMaxFiles) files.pop_front();
}

void DependencyQuestions::ForgetOldest() {
  fetched_.erase(sandboxes_.front());
  sandboxes_.pop_front();
}

bool DependencyQuestions::Ask(const std::string& sandbox_id, const std::function<bool()>& is_gone) {
  std::unique_lock<std::mutex> lock(mu_);
  auto entry = fetched_.find(sandbox_id);
  if (stopped_ || entry == fetched_.end()) return false;
  EndOld();
  uint64_t question = FindOpenOf(sandbox_id);
  if (question == 0) {
    const std::vector<internal::FetchedFile> files = NewOf(entry->second);
    question = files.empty() ? FindOpen(entry->second) : Begin(sandbox_id, files);
    // Where all of it was answered; else it is asked for another time.
    if (question == 0 && files.empty()) entry->second.clear();
  }
  if (question == 0) return false;
  while (!stopped_ && open_.contains(question)) {
    if (is_gone()) return false;
    changed_.wait_for(lock, kClientLook);
    EndOld();
  }
  return true;
}

void DependencyQuestions::EndOld() {
  const MonotonicTime now = MonotonicClock::now();
  std::erase_if(open_, [now](const auto& open) { return open.second.until <= now; });
}

std::vector<internal::FetchedFile> DependencyQuestions::NewOf(
    const std::deque<internal::FetchedFile>& files) const {
  std::vector<internal::FetchedFile> fresh;
  // The newest first: what is wanted is most likely one of theirs.
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (fresh.size() == kFilesPerQuestion) break;
    if (!asked_.contains(file->sha256())) fresh.push_back(*file);
  }
  return fresh;
}

uint64_t DependencyQuestions::Begin(const std::string& sandbox_id,
                                    const std::vector<internal::FetchedFile>& files) {
  const uint64_t question = last_question_ + 1;
  internal::FetcherEvent event;
  internal::DependenciesWanted& wanted = *event.mutable_dependencies_wanted();
  wanted.set_id(question);
  wanted.set_sandbox_id(sandbox_id);
  for (const internal::FetchedFile& file : files) *wanted.add_files() = file;
  if (!Send(event)) return 0;
  if (asked_.size() > kMaxAsked) asked_.clear();
  for (const internal::FetchedFile& file : files) asked_[file.sha256()] = question;
  const auto patience = std::chrono::duration_cast<MonotonicClock::duration>(kAnswerTime * pace_);
  open_[question] = {sandbox_id, MonotonicClock::now() + patience};
  last_question_ = question;
  return question;
}

uint64_t DependencyQuestions::FindOpenOf(const std::string& sandbox_id) const {
  for (const auto& [question, open] : open_) {
    if (open.sandbox_id == sandbox_id) return question;
  }
  return 0;
}

uint64_t DependencyQuestions::FindOpen(const std::deque<internal::FetchedFile>& files) const {
  for (const internal::FetchedFile& file : files) {
    auto asked = asked_.find(file.sha256());
    if (asked != asked_.end() && open_.contains(asked->second)) return asked->second;
  }
  return 0;
}

bool DependencyQuestions::Send(const internal::FetcherEvent& event) const {
  return SendMessage(supervisor_, event.SerializeAsString(), {}, WhenFull::kFail).ok();
}

void DependencyQuestions::OnAnswered(uint64_t question) {
  const std::lock_guard<std::mutex> lock(mu_);
  open_.erase(question);
  changed_.notify_all();
}

void DependencyQuestions::Stop() {
  const std::lock_guard<std::mutex> lock(mu_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace warren
