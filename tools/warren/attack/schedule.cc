#include "tools/warren/attack/schedule.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/time/clock.h"

namespace warren::attack {
namespace {

struct Result {
  Outcome outcome;
  absl::Duration took;
};

// Passes results on in the order of the probes, each as soon as all before it are there.
// Thread-safe.
class OrderedReports {
 public:
  OrderedReports(const std::vector<Probe>& probes, const Report& report)
      : probes_(probes), report_(report), results_(probes.size()) {}

  void Add(size_t index, Result result) {
    std::lock_guard<std::mutex> lock(mutex_);
    results_[index] = std::move(result);
    for (; next_ < results_.size() && results_[next_]; ++next_) {
      report_(probes_[next_], results_[next_]->outcome, results_[next_]->took);
    }
  }

 private:
  const std::vector<Probe>& probes_;
  const Report& report_;
  std::mutex mutex_;
  std::vector<std::optional<Result>> results_;
  size_t next_ = 0;
};

}  // namespace

void AttackAll(const std::vector<Attacker>& attackers, std::vector<Probe> probes,
               const std::function<bool()>& stopped, const Report& report) {
  auto alone = std::stable_partition(probes.begin(), probes.end(),
                                     [](const Probe& probe) { return !probe.alone; });
  OrderedReports reports(probes, report);
  std::atomic<size_t> next = 0;
  auto work = [&](const Attacker& attack, size_t end) {
    while (!stopped()) {
      size_t index = next++;
      if (index >= end) return;
      absl::Time start = absl::Now();
      Outcome outcome = attack(probes[index]);
      if (!stopped()) reports.Add(index, {std::move(outcome), absl::Now() - start});
    }
  };
  const auto together = static_cast<size_t>(alone - probes.begin());
  std::vector<std::thread> threads;
  threads.reserve(attackers.size());
  for (const Attacker& attacker : attackers) {
    threads.emplace_back([&work, &attacker, together] { work(attacker, together); });
  }
  for (std::thread& thread : threads) thread.join();
  // Each thread took one number too many.
  next = together;
  work(attackers.front(), probes.size());
}

}  // namespace warren::attack
