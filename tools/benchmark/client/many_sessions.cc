#include "tools/benchmark/client/many_sessions.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_replace.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"

namespace warren::bench {

Cell ForSession(const Cell& cell, int session) {
  std::string number = std::to_string(session);
  Cell mine = cell;
  mine.code = absl::StrReplaceAll(cell.code, {{"{session}", number}});
  mine.expect = absl::StrReplaceAll(cell.expect, {{"{session}", number}});
  return mine;
}

absl::Status ForNumbers(const std::string& address, int clients, int first, int last,
                        const SessionWork& work) {
  std::atomic<int> next = first;
  std::vector<absl::Status> results(static_cast<size_t>(clients));
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (absl::Status& result : results) {
    threads.emplace_back([&] {
      SessionClient client(address);
      result = client.Connect();
      for (int number; result.ok() && (number = next++) < last;) result = work(client, number);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) WARREN_RETURN_IF_ERROR(result);
  return absl::OkStatus();
}

absl::Status MakeSession(SessionClient& client, const Target& target, const Cell& cell, int number,
                         Sessions& sessions) {
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  sessions.Add(number, sandbox.sandbox_id());
  return client.Run(sandbox.sandbox_id(), ForSession(cell, number)).status();
}

absl::Status DestroyAll(SessionClient& client, const Sessions& sessions) {
  absl::Status first;
  for (const auto& [number, id] : sessions.made()) first.Update(client.Destroy(id));
  return first;
}

absl::StatusOr<nlohmann::json> MemoryPoint(const Target& target, int sessions) {
  WARREN_ASSIGN_OR_RETURN(HostMemory host, ReadHostMemory());
  nlohmann::json point = {{"sessions", sessions},
                          {"available_bytes", host.available_bytes},
                          {"used_bytes", host.used_bytes}};
  WARREN_ASSIGN_OR_RETURN(point["cgroup_bytes"], CgroupView(target.cgroup_parent).MemoryByKind());
  return point;
}

}  // namespace warren::bench
