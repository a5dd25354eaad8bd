#ifndef WARREN_TESTS_STORE_TEST_STORE_H_
#define WARREN_TESTS_STORE_TEST_STORE_H_

#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/store/store.h"
#include "warren/internal/store.pb.h"

namespace warren {

// A key of its own for each word.
std::string KeyOf(const std::string& word);

struct TestFile {
  std::string path;
  std::string content;
  bool executable = false;
};
// As a builder sends them (PackageFile in store.proto).
std::string FrameOf(const internal::PackageFile& file);
std::string StreamOf(const std::vector<TestFile>& files);

internal::StoredPackage PackageNamed(const std::string& name);

// The supervisor's end of a store's socket. Each request waits for its reply, and fails the test
// where none comes.
class StoreClient {
 public:
  void Connect(UniqueFd supervisor);
  void Disconnect() { supervisor_.reset(); }

  uint64_t Send(internal::StoreRequest request, UniqueFd socket = UniqueFd());
  void SendBytes(const std::string& bytes);
  internal::StoreReply Await(uint64_t id);
  internal::StoreReply Call(internal::StoreRequest request, UniqueFd socket = UniqueFd());

  // Begins one; the other end of its stream.
  struct Adding {
    uint64_t id = 0;
    UniqueFd builder;
  };
  Adding BeginAdd(internal::AddPackage add);
  Adding BeginAdd(const std::string& name);
  // All of it, in one.
  internal::StoreReply Add(internal::AddPackage add, const std::string& stream);
  internal::StoreReply Add(const std::string& name, const std::vector<TestFile>& files);
  internal::StoreReply MakeSet(const std::vector<std::string>& names,
                               const std::string& request_digest = "", int64_t valid_seconds = 60);
  internal::StoreReply Use(const std::string& digest);
  internal::StoreReply Release(const std::string& digest);
  internal::StoreReply FindResolution(const std::string& request_digest);
  std::vector<std::string> Missing(const std::vector<std::string>& names);
  internal::StoreVerified Verify();
  internal::StorePruned Prune(int64_t unused_seconds);
  // All pages in one.
  internal::StoreContents List(int* pages = nullptr);

 private:
  UniqueFd supervisor_;
  uint64_t last_id_ = 0;
  // Replies that came before they were awaited.
  std::multimap<uint64_t, internal::StoreReply> replies_;
};

// A store in a thread of the test's, in a directory that goes with it, unconfined. The caller is
// its supervisor.
class TestStore : public StoreClient {
 public:
  static constexpr int64_t kRoomy = int64_t{1} << 30;

  explicit TestStore(int64_t max_bytes = kRoomy);
  ~TestStore();

  // Ended in order, and started anew on the same directory.
  void Restart();
  void Stop();
  void Start();
  // From the next start on.
  void SetMaxBytes(int64_t max_bytes) { max_bytes_ = max_bytes; }
  // What the run came to, once it has ended.
  absl::Status Ended();

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path PackageTree(const std::string& name) const;
  std::filesystem::path SetTree(const std::string& digest) const;

 private:
  int64_t max_bytes_;
  std::filesystem::path directory_;
  std::thread thread_;
  std::future<absl::Status> ended_;
};

// What a stream socket has to take; fails the test where it does not.
void SendAll(int socket, const std::string& bytes);
// The content of a file; "(none)" where there is none.
std::string ContentOf(const std::filesystem::path& path);
// A directory that is removed by whoever made it.
std::filesystem::path MakeTestDirectory();
// Also what nobody may write to.
void RemoveTestDirectory(const std::filesystem::path& directory);

inline constexpr absl::StatusCode kOk = absl::StatusCode::kOk;
absl::StatusCode CodeOf(const internal::StoreReply& reply);

}  // namespace warren

#endif  // WARREN_TESTS_STORE_TEST_STORE_H_
