#ifndef WARREN_RUNTIME_FETCHER_FETCHER_H_
#define WARREN_RUNTIME_FETCHER_FETCHER_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/io.h"
#include "runtime/base/unique_fd.h"
#include "runtime/fetcher/client_threads.h"
#include "runtime/fetcher/dependency_questions.h"
#include "runtime/fetcher/index_service.h"
#include "runtime/fetcher/learned_names.h"
#include "runtime/fetcher/package_catalog.h"
#include "runtime/fetcher/page_turns.h"
#include "runtime/fetcher/refusals.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// The fetcher: takes connections of sandboxes from a relay and answers them as their package index.
// It ends with its launcher or its supervisor, and with whatever it cannot understand of theirs; a
// relay that cannot be understood is not listened to any more.
//
// Run is for one thread, which starts those of connections. Lifecycle: Prepare, which reads nothing
// → (the process gives up its files and privileges) → Run → destructor, which cuts what is open.
class Fetcher {
 public:
  static absl::StatusOr<std::unique_ptr<Fetcher>> Prepare(const internal::FetcherSetup& setup,
                                                          const FetcherHost& host,
                                                          UniqueFd launcher, UniqueFd supervisor);
  ~Fetcher();
  // Until the launcher or the supervisor is gone: OK. An error: what could not be understood.
  absl::Status Run();

 private:
  Fetcher(const internal::FetcherSetup& setup, std::unique_ptr<PackageCatalog> catalog,
          UniqueFd launcher, UniqueFd supervisor);

  // False at the end of the socket.
  absl::StatusOr<bool> OnLauncher();
  absl::StatusOr<bool> OnSupervisor();
  void OnRelay();

  UniqueFd launcher_;
  UniqueFd supervisor_;
  UniqueFd relay_;
  std::unique_ptr<PackageCatalog> catalog_;
  LearnedNames learned_;
  DependencyQuestions questions_;
  const LinkSealer sealer_;
  Refusals refusals_;
  PageTurns turns_;
  WebClient::Setup web_;
  const IndexShare share_;
  // Last, for its threads use the rest.
  ClientThreads clients_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_FETCHER_H_
