#ifndef WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_
#define WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "absl/strings/string_view.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// What users' programs have fetched, and whose needs nobody has looked at: the supervisor is asked
// for them when a program wants a package that might be one of these. Each file is asked for once.
//
// Thread-safe: it is for the threads of connections, but for what says otherwise.
class DependencyQuestions {
 public:
  // Of one sandbox, and sandboxes: the oldest are forgotten.
  static constexpr size_t kMaxFiles = 64;
  static constexpr size_t kMaxSandboxes = 1024;
  // Files that were asked for; then all may be asked for again.
  static constexpr size_t kMaxAsked = 65536;
  // In one question (fetcher.proto).
  static constexpr size_t kFilesPerQuestion = 4;

  // `supervisor` outlives it. `pace`: HostFacts.pace, at least 1.
  DependencyQuestions(int supervisor, double pace) : supervisor_(supervisor), pace_(pace) {}

  // `path` as links have it.
  void NoteFetched(const std::string& sandbox_id, absl::string_view path,
                   const std::string& sha256);
  // Asks for some of what this sandbox has fetched, or waits for whoever asks for it already, until
  // the answer is there, or will not come. False, at once: there is nothing to ask for.
  bool Ask(const std::string& sandbox_id);

  // ---- The main thread's
  void OnAnswered(uint64_t question);
  // Nobody waits any more, now and later.
  void Stop();

 private:
  // All with mu_ held. 0: there is nothing to ask for.
  uint64_t Begin(const std::string& sandbox_id, std::deque<internal::FetchedFile>& files);
  uint64_t FindOpen(const std::deque<internal::FetchedFile>& files) const;
  bool Send(const internal::FetcherEvent& event) const;
  void ForgetOldest();

  const int supervisor_;
  const double pace_;
  std::mutex mu_;
  std::condition_variable changed_;
  bool stopped_ = false;
  // Not answered yet.
  std::unordered_map<std::string, std::deque<internal::FetchedFile>> fetched_;
  // In the order in which they came.
  std::deque<std::string> sandboxes_;
  // Digest to question.
  std::map<std::string, uint64_t> asked_;
  std::set<uint64_t> open_;
  uint64_t last_question_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_
