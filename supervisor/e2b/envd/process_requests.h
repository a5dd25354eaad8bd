#ifndef WARREN_SUPERVISOR_E2B_ENVD_PROCESS_REQUESTS_H_
#define WARREN_SUPERVISOR_E2B_ENVD_PROCESS_REQUESTS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "warren/v1/process.pb.h"

namespace warren {

// The processes of one sandbox that were asked for with a request id, each of which is started
// once. Of the loop's thread.
class ProcessRequests {
 public:
  // On record; beyond, those are forgotten that were started first.
  static constexpr size_t kMaxRequests = 256;

  // What came of the first request.
  struct First {
    // Not OK: it was not started; or, UNAVAILABLE, whether it was is not known.
    absl::Status status;
    uint32_t pid = 0;
    // Set where it has ended: how, with all that it said in output_bytes.
    std::optional<v1::ProcessEvent> exited;
  };
  using OnFirst = absl::AnyInvocable<void(const First&)>;

  enum class Begun { kFirst, kFollows };
  // kFirst: start it, and say what came of it. kFollows: `on_first` is told what came of the first,
  // now or when that is known. INVALID_ARGUMENT: another request has this id. RESOURCE_EXHAUSTED:
  // kMaxRequests are being started.
  absl::StatusOr<Begun> Begin(const std::string& request_id, const std::string& fingerprint,
                              OnFirst on_first);
  void Started(const std::string& request_id, uint32_t pid);
  // It was not started; the id is free again.
  void Failed(const std::string& request_id, const absl::Status& status);
  // Nobody knows whether it was started: the same request is told that, and not sent again.
  void Lost(const std::string& request_id, const absl::Status& status);
  // `event` is its last one.
  void Exited(const std::string& request_id, const v1::ProcessEvent& event);

 private:
  struct Entry {
    std::string request_id;
    std::string fingerprint;
    bool known = false;
    First first;
    std::vector<OnFirst> waiting;
  };
  using Entries = std::list<Entry>;

  Entry* Find(const std::string& request_id);
  void Tell(Entry& entry);
  bool MakeRoom();
  void Erase(Entries::iterator entry);

  // In the order in which they came.
  Entries entries_;
  std::map<std::string, Entries::iterator> by_id_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_PROCESS_REQUESTS_H_
