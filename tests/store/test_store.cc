#include "tests/store/test_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/store/sha256.h"
#include "tests/support/patience.h"

namespace warren {

std::string KeyOf(const std::string& word) { return absl::BytesToHexString(Sha256Of(word)); }

std::string FrameOf(const internal::PackageFile& file) {
  const std::string message = file.SerializeAsString();
  std::string frame;
  for (int i = 0; i < 4; ++i) frame += static_cast<char>((message.size() >> (8 * i)) & 0xff);
  return frame + message;
}

std::string StreamOf(const std::vector<TestFile>& files) {
  std::string stream;
  for (const TestFile& file : files) {
    internal::PackageFile head;
    head.set_path(file.path);
    head.set_executable(file.executable);
    head.set_size(static_cast<int64_t>(file.content.size()));
    stream += FrameOf(head) + file.content;
  }
  internal::PackageFile end;
  end.set_end(true);
  end.set_count(static_cast<int64_t>(files.size()));
  return stream + FrameOf(end);
}

internal::StoredPackage PackageNamed(const std::string& name) {
  internal::StoredPackage package;
  package.set_key(KeyOf(name));
  package.set_name(name);
  package.set_version("1.0");
  return package;
}

void SendAll(int socket, const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    // One that has been refused is not read to its end.
    if (count < 0) return;
    sent += static_cast<size_t>(count);
  }
}

std::string ContentOf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "(none)";
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::filesystem::path MakeTestDirectory() {
  std::string name = std::filesystem::temp_directory_path() / "warren-store-XXXXXX";
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  return name;
}

void RemoveTestDirectory(const std::filesystem::path& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

absl::StatusCode CodeOf(const internal::StoreReply& reply) {
  return static_cast<absl::StatusCode>(reply.code());
}

TestStore::TestStore(int64_t max_bytes) : max_bytes_(max_bytes), directory_(MakeTestDirectory()) {
  Start();
}

TestStore::~TestStore() {
  Stop();
  RemoveTestDirectory(directory_);
}

void TestStore::Start() {
  absl::StatusOr<SocketPair> pair = MakeSeqpacketPair();
  ASSERT_TRUE(pair.ok());
  Connect(std::move(pair->first));
  internal::StoreSetup setup;
  setup.set_max_bytes(max_bytes_);
  setup.set_pace(1);
  absl::StatusOr<std::unique_ptr<Store>> store =
      Store::Prepare(setup, UniqueFd(), std::move(pair->second));
  ASSERT_TRUE(store.ok()) << store.status();
  UniqueFd directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(directory.valid());
  std::promise<absl::Status> ended;
  ended_ = ended.get_future();
  thread_ = std::thread([store = *std::move(store), directory = std::move(directory),
                         ended = std::move(ended)]() mutable {
    absl::Status status = store->Run(std::move(directory));
    store.reset();
    ended.set_value(std::move(status));
  });
}

void TestStore::Stop() {
  Disconnect();
  if (thread_.joinable()) thread_.join();
}

void TestStore::Restart() {
  Stop();
  Start();
}

absl::Status TestStore::Ended() {
  thread_.join();
  return ended_.get();
}

std::filesystem::path TestStore::PackageTree(const std::string& name) const {
  return directory_ / "packages" / KeyOf(name) / "tree";
}

std::filesystem::path TestStore::SetTree(const std::string& digest) const {
  return directory_ / "sets" / digest / "tree";
}

void StoreClient::Connect(UniqueFd supervisor) {
  supervisor_ = std::move(supervisor);
  replies_.clear();
}

uint64_t StoreClient::Send(internal::StoreRequest request, UniqueFd socket) {
  request.set_id(++last_id_);
  std::vector<int> fds;
  if (socket.valid()) fds.push_back(socket.get());
  EXPECT_TRUE(SendMessage(supervisor_.get(), request.SerializeAsString(), fds).ok());
  return last_id_;
}

void StoreClient::SendBytes(const std::string& bytes) {
  EXPECT_TRUE(SendMessage(supervisor_.get(), bytes, {}).ok());
}

internal::StoreReply StoreClient::Await(uint64_t id) {
  while (true) {
    const auto found = replies_.find(id);
    if (found != replies_.end()) {
      internal::StoreReply reply = found->second;
      replies_.erase(found);
      return reply;
    }
    pollfd waited = {supervisor_.get(), POLLIN, 0};
    internal::StoreReply reply;
    const bool came = ::poll(&waited, 1, PatienceMs()) == 1;
    absl::StatusOr<Message> message =
        came ? ReceiveMessage(supervisor_.get(), 128 << 10) : absl::DeadlineExceededError("poll");
    if (!message.ok() || message->data.empty() || !reply.ParseFromString(message->data)) {
      ADD_FAILURE() << "no reply to request " << id;
      return reply;
    }
    replies_.emplace(reply.id(), std::move(reply));
  }
}

internal::StoreReply StoreClient::Call(internal::StoreRequest request, UniqueFd socket) {
  return Await(Send(std::move(request), std::move(socket)));
}

StoreClient::Adding StoreClient::BeginAdd(internal::AddPackage add) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  internal::StoreRequest request;
  *request.mutable_add_package() = std::move(add);
  Adding adding;
  adding.builder.reset(ends[0]);
  adding.id = Send(std::move(request), UniqueFd(ends[1]));
  return adding;
}

StoreClient::Adding StoreClient::BeginAdd(const std::string& name) {
  internal::AddPackage add;
  *add.mutable_package() = PackageNamed(name);
  return BeginAdd(std::move(add));
}

internal::StoreReply StoreClient::Add(internal::AddPackage add, const std::string& stream) {
  Adding adding = BeginAdd(std::move(add));
  SendAll(adding.builder.get(), stream);
  return Await(adding.id);
}

internal::StoreReply StoreClient::Add(const std::string& name, const std::vector<TestFile>& files) {
  internal::AddPackage add;
  *add.mutable_package() = PackageNamed(name);
  return Add(std::move(add), StreamOf(files));
}

internal::StoreReply StoreClient::MakeSet(const std::vector<std::string>& names,
                                          const std::string& request_digest,
                                          int64_t valid_seconds) {
  internal::StoreRequest request;
  internal::MakeSet& make = *request.mutable_make_set();
  for (const std::string& name : names) *make.mutable_set()->add_packages() = PackageNamed(name);
  make.set_request_digest(request_digest);
  make.set_valid_seconds(valid_seconds);
  return Call(std::move(request));
}

internal::StoreReply StoreClient::Use(const std::string& digest) {
  internal::StoreRequest request;
  request.mutable_use_set()->set_digest(digest);
  return Call(std::move(request));
}

internal::StoreReply StoreClient::Release(const std::string& digest) {
  internal::StoreRequest request;
  request.mutable_release_set()->set_digest(digest);
  return Call(std::move(request));
}

internal::StoreReply StoreClient::FindResolution(const std::string& request_digest) {
  internal::StoreRequest request;
  request.mutable_find_resolution()->set_request_digest(request_digest);
  return Call(std::move(request));
}

std::vector<std::string> StoreClient::Missing(const std::vector<std::string>& names) {
  internal::StoreRequest request;
  request.mutable_has_packages();
  for (const std::string& name : names) request.mutable_has_packages()->add_keys(KeyOf(name));
  const internal::StoreReply reply = Call(std::move(request));
  EXPECT_EQ(CodeOf(reply), absl::StatusCode::kOk) << reply.message();
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    for (const std::string& key : reply.missing().keys()) {
      if (key == KeyOf(name)) missing.push_back(name);
    }
  }
  return missing;
}

internal::StoreVerified StoreClient::Verify() {
  internal::StoreRequest request;
  request.mutable_verify();
  return Call(std::move(request)).verified();
}

internal::StorePruned StoreClient::Prune(int64_t unused_seconds) {
  internal::StoreRequest request;
  request.mutable_prune()->set_unused_seconds(unused_seconds);
  return Call(std::move(request)).pruned();
}

internal::StoreContents StoreClient::List(int* pages) {
  internal::StoreRequest request;
  request.mutable_list();
  const uint64_t id = Send(std::move(request));
  internal::StoreContents all;
  int count = 0;
  bool more = true;
  while (more && !::testing::Test::HasFailure()) {
    const internal::StoreReply reply = Await(id);
    EXPECT_LE(reply.ByteSizeLong(), size_t{101} << 10);
    more = reply.contents().more();
    all.MergeFrom(reply.contents());
    ++count;
  }
  if (pages != nullptr) *pages = count;
  return all;
}

}  // namespace warren
