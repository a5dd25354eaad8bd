// Scenarios with many clients at once, each a thread with a connection of its own.
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

struct Cycle {
  int64_t create = 0;
  int64_t cell = 0;
  int64_t first_cell = 0;
  int64_t destroy = 0;
  int64_t finished_ns = 0;
};

absl::StatusOr<Cycle> CreateAndRun(SessionClient& client, const Target& target, const Cell& cell,
                                   std::string& sandbox_id) {
  Cycle cycle;
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  sandbox_id = sandbox.sandbox_id();
  int64_t created = NowNs();
  WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox_id, cell));
  cycle.create = created - begin;
  cycle.cell = run.finished_ns - created;
  cycle.first_cell = run.finished_ns - begin;
  cycle.finished_ns = run.finished_ns;
  return cycle;
}

absl::StatusOr<Cycle> WholeCycle(SessionClient& client, const Target& target, const Cell& cell) {
  std::string sandbox_id;
  WARREN_ASSIGN_OR_RETURN(Cycle cycle, CreateAndRun(client, target, cell, sandbox_id));
  int64_t destroying = NowNs();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox_id));
  cycle.destroy = NowNs() - destroying;
  return cycle;
}

// What the threads bring together.
class Collector {
 public:
  void Add(const absl::StatusOr<Cycle>& cycle) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (cycle.ok()) {
      cycles_.push_back(*cycle);
    } else {
      ++failed_;
      if (first_error_.empty()) first_error_ = std::string(cycle.status().message());
    }
  }

  // Only when no thread adds any more.
  nlohmann::json Json() const {
    Samples create, cell, first_cell, destroy;
    for (const Cycle& cycle : cycles_) {
      create.push_back(cycle.create);
      cell.push_back(cycle.cell);
      first_cell.push_back(cycle.first_cell);
      destroy.push_back(cycle.destroy);
    }
    return {{"create", create},   {"cell", cell},      {"first_cell", first_cell},
            {"destroy", destroy}, {"failed", failed_}, {"first_error", first_error_}};
  }
  const std::vector<Cycle>& cycles() const { return cycles_; }

 private:
  std::mutex mutex_;
  std::vector<Cycle> cycles_;
  int failed_ = 0;
  std::string first_error_;
};

using Clients = std::vector<std::unique_ptr<SessionClient>>;

absl::StatusOr<Clients> ConnectAll(const std::string& address, int count) {
  Clients clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<SessionClient>(address));
    WARREN_RETURN_IF_ERROR(clients.back()->Connect());
  }
  return clients;
}

// Runs `work` once for each client, in threads that are let go at the same moment, which it
// returns.
int64_t InParallel(Clients& clients, const std::function<void(SessionClient&)>& work) {
  std::latch ready(static_cast<ptrdiff_t>(clients.size()) + 1);
  std::vector<std::thread> threads;
  threads.reserve(clients.size());
  for (std::unique_ptr<SessionClient>& client : clients) {
    threads.emplace_back([&ready, &work, &client] {
      ready.arrive_and_wait();
      work(*client);
    });
  }
  int64_t begin = NowNs();
  ready.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  return begin;
}

// What the host sees of a sandbox at the moment that its create is answered.
absl::Status CheckReady(SessionClient& client, const Target& target) {
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  absl::Status ready = [&]() -> absl::Status {
    WARREN_ASSIGN_OR_RETURN(std::vector<std::string> groups,
                            CgroupView(target.cgroup_parent).GroupsOf(sandbox.sandbox_id()));
    WARREN_ASSIGN_OR_RETURN(pid_t worker, LargestProcess(groups));
    return CheckConfined(worker);
  }();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return ready;
}

// A burst once more, untimed: is any sandbox handed out before it is there and confined?
absl::StatusOr<nlohmann::json> CheckReadiness(Clients& clients, const Target& target) {
  WARREN_RETURN_IF_ERROR(WaitForFullPools(*clients[0]));
  std::mutex mutex;
  int unready = 0;
  std::string first_error;
  InParallel(clients, [&](SessionClient& client) {
    absl::Status status = CheckReady(client, target);
    std::lock_guard<std::mutex> lock(mutex);
    if (status.ok()) return;
    ++unready;
    if (first_error.empty()) first_error = std::string(status.message());
  });
  return nlohmann::json{
      {"checked", clients.size()}, {"unready", unready}, {"first_error", first_error}};
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureLoad(const Target& target, const Cell& cell, int clients,
                                           int64_t duration_ns) {
  WARREN_ASSIGN_OR_RETURN(Clients connected, ConnectAll(target.address, clients));
  WARREN_RETURN_IF_ERROR(WaitForFullPools(*connected[0]));
  Collector collector;
  int64_t end = NowNs() + duration_ns;
  int64_t begin = InParallel(connected, [&](SessionClient& client) {
    do {
      absl::StatusOr<Cycle> cycle = WholeCycle(client, target, cell);
      collector.Add(cycle);
      // A server that refuses everything is to show as failures, not as a busy loop.
      if (!cycle.ok()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    } while (NowNs() < end);
  });
  // The last cycles end after the time is up; they count, and so does their time.
  int64_t elapsed = NowNs() - begin;
  nlohmann::json out = collector.Json();
  out["completed"] = collector.cycles().size();
  out["elapsed"] = elapsed;
  return out;
}

absl::StatusOr<nlohmann::json> MeasureBurst(const Target& target, const Cell& cell, int clients,
                                            int rounds) {
  WARREN_ASSIGN_OR_RETURN(Clients connected, ConnectAll(target.address, clients));
  Collector all;
  Samples last;
  for (int round = 0; round < rounds; ++round) {
    WARREN_RETURN_IF_ERROR(WaitForFullPools(*connected[0]));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    Collector collector;
    std::mutex mutex;
    std::vector<std::string> made;
    int64_t begin = InParallel(connected, [&](SessionClient& client) {
      std::string sandbox_id;
      absl::StatusOr<Cycle> cycle = CreateAndRun(client, target, cell, sandbox_id);
      collector.Add(cycle);
      all.Add(cycle);
      std::lock_guard<std::mutex> lock(mutex);
      if (!sandbox_id.empty()) made.push_back(sandbox_id);
    });
    int64_t latest = begin;
    for (const Cycle& cycle : collector.cycles()) latest = std::max(latest, cycle.finished_ns);
    last.push_back(latest - begin);
    for (const std::string& id : made) WARREN_RETURN_IF_ERROR(connected[0]->Destroy(id));
  }
  nlohmann::json out = all.Json();
  out["last"] = last;
  WARREN_ASSIGN_OR_RETURN(out["readiness"], CheckReadiness(connected, target));
  return out;
}

absl::StatusOr<nlohmann::json> MeasureAtOnce(const Target& target, const Cell& cell, int clients) {
  WARREN_ASSIGN_OR_RETURN(Clients connected, ConnectAll(target.address, clients));
  std::map<const SessionClient*, std::string> sandboxes;
  for (const std::unique_ptr<SessionClient>& client : connected) {
    WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client->Create(target.create));
    sandboxes[client.get()] = sandbox.sandbox_id();
  }
  Collector collector;
  int64_t begin = InParallel(connected, [&](SessionClient& client) {
    int64_t sent = NowNs();
    absl::StatusOr<CellRun> run = client.Run(sandboxes.at(&client), cell);
    if (!run.ok()) return collector.Add(run.status());
    collector.Add(Cycle{.cell = run->finished_ns - sent, .finished_ns = run->finished_ns});
  });
  int64_t latest = begin;
  for (const Cycle& cycle : collector.cycles()) latest = std::max(latest, cycle.finished_ns);
  for (const auto& [client, id] : sandboxes) WARREN_RETURN_IF_ERROR(connected[0]->Destroy(id));
  nlohmann::json all = collector.Json();
  return nlohmann::json{{"cell", all["cell"]},
                        {"last", latest - begin},
                        {"failed", all["failed"]},
                        {"first_error", all["first_error"]}};
}

}  // namespace warren::bench
