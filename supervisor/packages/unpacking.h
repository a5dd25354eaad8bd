#ifndef WARREN_SUPERVISOR_PACKAGES_UNPACKING_H_
#define WARREN_SUPERVISOR_PACKAGES_UNPACKING_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "supervisor/packages/builder.h"
#include "supervisor/packages/store_link.h"
#include "warren/internal/store.pb.h"

namespace warren {

// One distribution on its way into the store: a builder fetches and unpacks it, the store reads the
// files from a socket of that builder's sandbox.
//
// IO thread only. Lifecycle: Start → the end, told once from a task of the loop's. It keeps itself
// until then.
class Unpacking : public std::enable_shared_from_this<Unpacking> {
 public:
  struct Listener {
    std::function<void(const std::string& text)> on_progress;
    // OK: the store has it.
    std::function<void(absl::Status status)> on_end;
  };

  // `package`: key, name, version. `limits`: the builder's. The references outlive it.
  Unpacking(SandboxHost& host, Pool& pool, StoreLink& store, internal::StoredPackage package,
            const warren::v1::Limits& limits)
      : host_(host),
        builder_(std::make_shared<Builder>(host, pool)),
        store_(store),
        package_(std::move(package)),
        limits_(limits) {}

  void Start(Builder::Task task, Listener listener);
  // Its end is told as CANCELLED.
  void Cancel() { builder_->Cancel(); }

 private:
  void OnWord(BuilderWord word);
  void OnConnected(absl::StatusOr<std::unique_ptr<PortConnection>> connection);
  void OnBuilderEnd(absl::Status status);
  // Both the builder and, where it was asked, the store have ended.
  void MaybeEnd();

  SandboxHost& host_;
  const std::shared_ptr<Builder> builder_;
  StoreLink& store_;
  const internal::StoredPackage package_;
  const warren::v1::Limits limits_;
  Listener listener_;
  // What went wrong first, in the builder's words or the store's.
  absl::Status error_;
  bool asked_ = false;
  std::optional<absl::Status> store_said_;
  std::optional<absl::Status> builder_ended_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_UNPACKING_H_
