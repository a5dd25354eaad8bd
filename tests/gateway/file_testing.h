#ifndef WARREN_TESTS_GATEWAY_FILE_TESTING_H_
#define WARREN_TESTS_GATEWAY_FILE_TESTING_H_

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "nlohmann/json.hpp"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/gateway/base/access_tokens.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/file_transfer.h"
#include "supervisor/gateway/envd/filesystem_service.h"
#include "supervisor/gateway/envd/watchers.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {

// The files of a sandbox, in memory: what the gateway's doors for files ask of a backend. Paths are
// taken as they come. Users may do everything. Thread-safe.
class FakeFiles final : public SandboxHandle {
 public:
  explicit FakeFiles(std::string id);
  ~FakeFiles() override;

  // ---- For tests
  enum class Security { kSecured, kOpen };
  void SetSecurity(Security security);
  void SetState(v1::Sandbox::State state);
  v1::Sandbox description() const;
  void Put(const std::string& path, std::string data);
  void PutDirectory(const std::string& path);
  void PutLink(const std::string& path, std::string target);
  void SetMode(const std::string& path, uint32_t mode);
  // "(none)" where there is none.
  std::string Contents(const std::string& path) const;
  std::map<std::string, std::string> Attributes(const std::string& path) const;
  // Whom the last call was made for.
  std::string last_user() const;

  // How reads go: to their end, to an ABORTED halfway, or on beyond the size that was told.
  enum class Reads { kWhole, kCut, kGrowing };
  void SetReads(Reads reads);
  // How writes go: on, with a pause behind each that ends at once, or with one that ends with
  // GiveRoom; or to this failure, before the first byte or behind the first.
  enum class Writes { kFree, kPausing, kHeld };
  void SetWrites(Writes writes);
  void FailWrites(absl::Status failure);
  void GiveRoom();
  size_t held_writes() const;
  size_t cancelled_writes() const;
  // What Write has taken, of all.
  size_t taken_bytes() const;

  size_t watches() const;
  size_t cancelled_watches() const;
  // To all watches; true where all have room for more.
  bool Tell(v1::FileEvent::Kind kind, const std::string& path, const std::string& destination = "");
  void EndWatches(absl::Status status);

  // ---- SandboxHandle
  const std::string& id() const override { return id_; }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override;
  std::unique_ptr<Operation> ReadFile(const Call& call, const v1::ReadFileRequest& request,
                                      std::shared_ptr<ReadSink> sink) override;
  std::unique_ptr<Upload> WriteFile(const Call& call, const v1::WriteFileRequest::Header& header,
                                    absl::AnyInvocable<void()> on_room,
                                    Reply<v1::WriteFileResponse> reply) override;
  void StatFile(const Call& call, const v1::StatFileRequest& request,
                Reply<v1::FileEntry> reply) override;
  std::unique_ptr<Operation> ListDirectory(const Call& call,
                                           const v1::ListDirectoryRequest& request,
                                           std::shared_ptr<Sink<v1::FileEntry>> sink) override;
  void MakeDirectory(const Call& call, const v1::MakeDirectoryRequest& request,
                     Reply<v1::FileEntry> reply) override;
  void MoveFile(const Call& call, const v1::MoveFileRequest& request,
                Reply<v1::FileEntry> reply) override;
  void RemoveFile(const Call& call, const v1::RemoveFileRequest& request,
                  Reply<v1::RemoveFileResponse> reply) override;
  std::unique_ptr<Operation> WatchDirectory(const Call& call,
                                            const v1::WatchDirectoryRequest& request,
                                            std::shared_ptr<Sink<v1::FileEvent>> sink) override;

 private:
  class ReadOperation;
  class WatchOperation;
  class WriteOperation;
  struct Node {
    v1::FileEntry::Type type = v1::FileEntry::REGULAR;
    uint32_t mode = 0644;
    std::string data;
    std::string target;
    std::map<std::string, std::string> attributes;
  };
  using WatchSink = std::shared_ptr<Sink<v1::FileEvent>>;

  absl::StatusOr<v1::FileEntry> Find(const std::string& path, int links)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::FileEntry EntryOf(const std::string& path, const Node& node) const;
  void Store(const v1::WriteFileRequest::Header& header, std::string data);
  void StopWatch(const WatchSink& sink);

  const std::string id_;
  mutable Mutex mu_;
  v1::Sandbox description_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Node> nodes_ ABSL_GUARDED_BY(mu_);
  std::string last_user_ ABSL_GUARDED_BY(mu_);
  Reads reads_ ABSL_GUARDED_BY(mu_) = Reads::kWhole;
  Writes writes_ ABSL_GUARDED_BY(mu_) = Writes::kFree;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::list<std::function<void()>> held_ ABSL_GUARDED_BY(mu_);
  size_t cancelled_writes_ ABSL_GUARDED_BY(mu_) = 0;
  size_t taken_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<WatchSink> watches_ ABSL_GUARDED_BY(mu_);
  size_t cancelled_watches_ ABSL_GUARDED_BY(mu_) = 0;
};

// A backend of sandboxes that have nothing but files.
class FileBackend final : public Backend {
 public:
  FakeFiles& Add(const std::string& id);

  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  // Two a page, and an answer only while not held.
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;

  void HoldLists();
  // The lists that wait are answered, and no more wait.
  void ReleaseLists();
  size_t held_lists() const;
  size_t lists() const;

 private:
  v1::ListSandboxesResponse Page(const std::string& token) const;

  mutable Mutex mu_;
  std::map<std::string, std::shared_ptr<FakeFiles>> sandboxes_ ABSL_GUARDED_BY(mu_);
  bool holds_ ABSL_GUARDED_BY(mu_) = false;
  size_t lists_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::function<void()>> held_ ABSL_GUARDED_BY(mu_);
};

// The gateway's doors for files, with a sandbox "sb1": a request with E2b-Sandbox-Id is for that,
// others are signed.
class FileGateway {
 public:
  FileGateway();
  ~FileGateway();

  FakeFiles& files() { return files_; }
  FileBackend& backend() { return backend_; }
  Watchers& watchers() { return watchers_; }
  HttpServer& server() { return *server_; }
  // Requests that have been.
  size_t answered() const { return answered_; }
  std::string Token(const std::string& sandbox_id = "sb1") const {
    return tokens_.Envd(sandbox_id);
  }

  // Headers of who may.
  std::map<std::string, std::string> Headers(
      const std::map<std::string, std::string>& more = {}) const;
  // A unary call.
  HttpAnswer Rpc(const std::string& method, const nlohmann::json& request,
                 const std::map<std::string, std::string>& more = {});
  // Sends a streaming call.
  void SendStream(TestClient& client, const std::string& method, const nlohmann::json& request,
                  const std::map<std::string, std::string>& more = {});

 private:
  Async<void> Route(Exchange& exchange);

  FileBackend backend_;
  FakeFiles& files_;
  const AccessTokens tokens_{"a secret for tests"};
  SandboxDoor door_{backend_, tokens_};
  MemoryBudget memory_{int64_t{64} << 20};
  Watchers watchers_{memory_, 1};
  EnvdFilesystem filesystem_{door_, watchers_};
  EnvdFiles transfer_{door_};
  std::atomic<size_t> answered_{0};
  TestServer server_;
};

// The messages of a Connect stream, its end last.
std::vector<nlohmann::json> StreamMessages(const std::string& body);

}  // namespace warren

#endif  // WARREN_TESTS_GATEWAY_FILE_TESTING_H_
