#include "runtime/fetcher/dependency_questions.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/io.h"
#include "runtime/fetcher/times.h"

namespace warren {

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

bool DependencyQuestions::Ask(const std::string& sandbox_id) {
  std::unique_lock<std::mutex> lock(mu_);
  auto entry = fetched_.find(sandbox_id);
  if (stopped_ || entry == fetched_.end()) return false;
  uint64_t question = Begin(sandbox_id, entry->second);
  if (question == 0) question = FindOpen(entry->second);
  if (question == 0) {
    // All of it was answered.
    entry->second.clear();
    return false;
  }
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kAnswerTime * pace_);
  changed_.wait_for(lock, patience, [&] { return stopped_ || !open_.contains(question); });
  // One that does not come is not waited for again.
  open_.erase(question);
  return true;
}

uint64_t DependencyQuestions::Begin(const std::string& sandbox_id,
                                    std::deque<internal::FetchedFile>& files) {
  if (asked_.size() > kMaxAsked) asked_.clear();
  const uint64_t question = last_question_ + 1;
  internal::FetcherEvent event;
  internal::DependenciesWanted& wanted = *event.mutable_dependencies_wanted();
  wanted.set_id(question);
  wanted.set_sandbox_id(sandbox_id);
  // The newest first: what is wanted is most likely one of theirs.
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (static_cast<size_t>(wanted.files_size()) == kFilesPerQuestion) break;
    if (asked_.contains(file->sha256())) continue;
    *wanted.add_files() = *file;
  }
  if (wanted.files().empty() || !Send(event)) return 0;
  for (const internal::FetchedFile& file : wanted.files()) asked_[file.sha256()] = question;
  open_.insert(question);
  last_question_ = question;
  return question;
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
