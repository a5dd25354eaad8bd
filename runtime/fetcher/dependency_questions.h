#ifndef WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_
#define WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/loop/timer_queue.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// What users' programs have fetched, and whose needs nobody has looked at: the supervisor is asked
// for them when a program wants a package that might be one of these. Each file is asked for once,
// and of a sandbox there is one question at a time.
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

  // `supervisor` outlives it. `pace`: HostFacts.pace, at least 1. Its questions' numbers begin at
  // a random one: an answer to another fetcher's is none to this one's.
  DependencyQuestions(int supervisor, double pace);

  // `path` as links have it; `sha256`: 64 digits.
  void NoteFetched(const std::string& sandbox_id, absl::string_view path,
                   const std::string& sha256);
  // Asks for some of what this sandbox has fetched, or waits for whoever asks already, until the
  // answer is there, or will not come. False: there is nothing to ask for, it cannot be asked now,
  // or `is_gone` says that nobody waits for it any more.
  bool Ask(const std::string& sandbox_id, const std::function<bool()>& is_gone);

  // ---- The main thread's
  void OnAnswered(uint64_t question);
  // Nobody waits any more, now and later.
  void Stop();

 private:
  struct Question {
    std::string sandbox_id;
    // An answer that does not come by then is not waited for again.
    MonotonicTime until;
  };

  // All with mu_ held. Some of the files that were not asked for.
  std::vector<internal::FetchedFile> NewOf(const std::deque<internal::FetchedFile>& files) const;
  // 0: it cannot be asked now.
  uint64_t Begin(const std::string& sandbox_id, const std::vector<internal::FetchedFile>& files);
  // The question of the sandbox, or one for one of the files; 0 where there is none.
  uint64_t FindOpenOf(const std::string& sandbox_id) const;
  uint64_t FindOpen(const std::deque<internal::FetchedFile>& files) const;
  void EndOld();
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
  std::map<uint64_t, Question> open_;
  uint64_t last_question_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_DEPENDENCY_QUESTIONS_H_
