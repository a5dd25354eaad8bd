#ifndef WARREN_TESTS_FAILOVER_STUB_BACKEND_H_
#define WARREN_TESTS_FAILOVER_STUB_BACKEND_H_

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "supervisor/backend/backend.h"

namespace warren {

// A backend in a test's hands: as one on another machine, its Open asks nobody. It answers in
// place, and fails the test where it is called from within a reply of its or of another's.
class StubBackend final : public Backend {
 public:
  // Its sandboxes are NAME-1, NAME-2, ...
  explicit StubBackend(std::string name) : name_(std::move(name)) {}

  // What everything is answered: OK while it can be reached.
  void SetReach(absl::Status reach);
  // What creates are answered while it can be reached; OK: they make one.
  void SetCreates(absl::Status creates);
  // Creates, probes, or all other questions wait, until the test ends it.
  void HangCreates() { Set(hang_creates_, true); }
  void HangProbes() { Set(hang_probes_, true); }
  void HangQuestions() { Set(hang_questions_, true); }
  void StopHanging();
  // Creates that wait make their sandboxes, cancelled or not.
  void FinishCreates();
  // They answer what SetReach said.
  void BreakCreates();
  // What waits is answered by nobody: it has members, and they have this.
  void DropWaiting();
  // A sandbox ends by itself.
  void EndSandbox(const std::string& id);
  // Whatever is asked for now is done `by` then, before it is answered.
  void OnCreate(std::function<void()> on_create);

  std::vector<std::string> sandboxes();
  v1::CreateSandboxRequest request_of(const std::string& id);
  int creates() { return Read(creates_); }
  int cancels() { return Read(cancels_); }
  int probes() { return Read(probes_); }
  int gets() { return Read(gets_); }
  int lists() { return Read(lists_); }
  int interrupts() { return Read(interrupts_); }
  Call last_call();

  absl::Status health() const override { return absl::OkStatus(); }
  void Probe(const Call& call, Reply<ProbeAnswer> reply) override;
  void OnForgotten(std::function<void(const std::string&)> on_forgotten) override;
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  // Tokens are numbers.
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  // "NAME-only" and "shared"; the default is the first.
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;
  void ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) override;

 private:
  class Handle;
  class CreateOperation;
  struct Made {
    std::string tenant;
    v1::CreateSandboxRequest request;
  };
  struct Waiting {
    std::string tenant;
    v1::CreateSandboxRequest request;
    Reply<v1::Sandbox> reply;
  };

  template <class T>
  T Read(T& what) {
    std::lock_guard lock(mu_);
    return what;
  }
  template <class T>
  void Set(T& what, T value) {
    std::lock_guard lock(mu_);
    what = std::move(value);
  }
  v1::Sandbox Make(const std::string& tenant, const v1::CreateSandboxRequest& request);
  v1::Sandbox DescribeLocked(const std::string& id);
  // OK where the caller may have it.
  absl::Status MayUse(const Call& call, const std::string& id);

  const std::string name_;
  std::mutex mu_;
  absl::Status reach_;
  absl::Status create_status_;
  bool hang_creates_ = false;
  bool hang_probes_ = false;
  bool hang_questions_ = false;
  int creates_ = 0;
  int cancels_ = 0;
  int probes_ = 0;
  int gets_ = 0;
  int lists_ = 0;
  int interrupts_ = 0;
  int last_number_ = 0;
  Call last_call_;
  std::map<std::string, Made> sandboxes_;
  std::list<Waiting> waiting_;
  // Replies that nobody calls.
  std::list<Reply<ProbeAnswer>> hung_probes_;
  std::list<Reply<v1::Sandbox>> hung_gets_;
  std::list<Reply<v1::ListSandboxesResponse>> hung_lists_;
  std::function<void(const std::string&)> on_forgotten_;
  std::function<void()> on_create_;
};

}  // namespace warren

#endif  // WARREN_TESTS_FAILOVER_STUB_BACKEND_H_
