#include "tests/gateway/file_testing.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {
namespace {

// What a read sends at a time.
constexpr size_t kReadPiece = 64 << 10;
constexpr int kMostLinks = 8;
constexpr int kPage = 2;

absl::Status NotThere() { return absl::NotFoundError("fake: it is not there"); }
absl::Status WrongType() { return absl::FailedPreconditionError("fake: it is something else"); }

class DoneOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

}  // namespace

// ---- Reads ------------------------------------------------------------------------------------

class FakeFiles::ReadOperation final : public Operation {
 public:
  ReadOperation(std::shared_ptr<ReadSink> sink, std::string data, Reads reads)
      : sink_(std::move(sink)), data_(std::move(data)), reads_(reads) {}

  void Resume() override { Pump(); }
  void Cancel() override { End(absl::CancelledError("fake: cancelled")); }

  void Pump() {
    const size_t until = reads_ == Reads::kCut ? data_.size() / 2 : data_.size();
    while (sent_ < until) {
      v1::ReadFileResponse response;
      const size_t size = std::min(kReadPiece, until - sent_);
      response.set_data(data_.substr(sent_, size));
      sent_ += size;
      if (sink_->Push(std::move(response)) == Flow::kPause) return;
    }
    if (reads_ == Reads::kCut) return End(absl::AbortedError("fake: it became shorter"));
    if (std::exchange(ended_, true)) return;
    v1::ReadFileResponse response;
    response.mutable_end()->set_size_bytes(static_cast<int64_t>(sent_));
    sink_->Push(std::move(response));
    sink_->End(absl::OkStatus());
  }

 private:
  void End(absl::Status status) {
    if (!std::exchange(ended_, true)) sink_->End(std::move(status));
  }

  const std::shared_ptr<ReadSink> sink_;
  const std::string data_;
  const Reads reads_;
  size_t sent_ = 0;
  bool ended_ = false;
};

// ---- Writes -----------------------------------------------------------------------------------

class FakeFiles::WriteOperation final : public Upload {
 public:
  WriteOperation(FakeFiles& files, v1::WriteFileRequest::Header header,
                 absl::AnyInvocable<void()> on_room, Reply<v1::WriteFileResponse> reply)
      : files_(files),
        header_(std::move(header)),
        on_room_(std::move(on_room)),
        reply_(std::move(reply)) {}

  void Resume() override {}
  void Cancel() override {
    if (answered_) return;
    {
      MutexLock lock(&files_.mu_);
      ++files_.cancelled_writes_;
    }
    Answer(absl::CancelledError("fake: cancelled"));
  }

  Flow Write(std::string data) override {
    Writes writes;
    absl::Status failure;
    {
      MutexLock lock(&files_.mu_);
      files_.taken_bytes_ += data.size();
      writes = files_.writes_;
      failure = files_.failure_;
      if (writes == Writes::kHeld) files_.held_.push_back([this] { on_room_(); });
    }
    data_ += data;
    if (!failure.ok()) Answer(failure);
    if (writes == Writes::kFree) return Flow::kContinue;
    // Before the caller knows that it is to wait.
    if (writes == Writes::kPausing) on_room_();
    return Flow::kPause;
  }

  void Close() override {
    if (answered_) return;
    files_.Store(header_, std::move(data_));
    v1::WriteFileResponse response;
    response.mutable_entry()->set_path(header_.path());
    Answer(std::move(response));
  }

 private:
  void Answer(absl::StatusOr<v1::WriteFileResponse> answer) {
    if (!std::exchange(answered_, true)) reply_(std::move(answer));
  }

  FakeFiles& files_;
  const v1::WriteFileRequest::Header header_;
  absl::AnyInvocable<void()> on_room_;
  Reply<v1::WriteFileResponse> reply_;
  std::string data_;
  bool answered_ = false;
};

// ---- Watches ----------------------------------------------------------------------------------

class FakeFiles::WatchOperation final : public Operation {
 public:
  WatchOperation(FakeFiles& files, WatchSink sink) : files_(files), sink_(std::move(sink)) {}
  void Resume() override {}
  void Cancel() override { files_.StopWatch(sink_); }

 private:
  FakeFiles& files_;
  const WatchSink sink_;
};

void FakeFiles::StopWatch(const WatchSink& sink) {
  {
    MutexLock lock(&mu_);
    ++cancelled_watches_;
    if (std::erase(watches_, sink) == 0) return;
  }
  sink->End(absl::CancelledError("fake: cancelled"));
}

bool FakeFiles::Tell(v1::FileEvent::Kind kind, const std::string& path,
                     const std::string& destination) {
  std::list<WatchSink> watches;
  {
    MutexLock lock(&mu_);
    watches = watches_;
  }
  v1::FileEvent event;
  event.set_kind(kind);
  event.set_path(path);
  event.set_destination(destination);
  bool room = true;
  for (const WatchSink& sink : watches) room &= sink->Push(event) == Flow::kContinue;
  return room;
}

void FakeFiles::EndWatches(absl::Status status) {
  std::list<WatchSink> watches;
  {
    MutexLock lock(&mu_);
    watches.swap(watches_);
  }
  for (const WatchSink& sink : watches) sink->End(status);
}

// ---- For tests --------------------------------------------------------------------------------

FakeFiles::FakeFiles(std::string id) : id_(std::move(id)) {
  MutexLock lock(&mu_);
  description_.set_sandbox_id(id_);
  description_.set_state(v1::Sandbox::RUNNING);
  Node directory;
  directory.type = v1::FileEntry::DIRECTORY;
  directory.mode = 0755;
  nodes_["/home/user"] = directory;
}

FakeFiles::~FakeFiles() = default;

void FakeFiles::SetSecurity(Security security) {
  SandboxNotes notes;
  notes.secured = security == Security::kSecured;
  MutexLock lock(&mu_);
  WriteNotes(notes, *description_.mutable_metadata());
}

void FakeFiles::SetState(v1::Sandbox::State state) {
  MutexLock lock(&mu_);
  description_.set_state(state);
}

v1::Sandbox FakeFiles::description() const {
  MutexLock lock(&mu_);
  return description_;
}

void FakeFiles::Put(const std::string& path, std::string data) {
  MutexLock lock(&mu_);
  nodes_[path].data = std::move(data);
}

void FakeFiles::PutDirectory(const std::string& path) {
  MutexLock lock(&mu_);
  nodes_[path].type = v1::FileEntry::DIRECTORY;
  nodes_[path].mode = 0755;
}

void FakeFiles::PutLink(const std::string& path, std::string target) {
  MutexLock lock(&mu_);
  nodes_[path].type = v1::FileEntry::SYMLINK;
  nodes_[path].mode = 0777;
  nodes_[path].target = std::move(target);
}

void FakeFiles::SetMode(const std::string& path, uint32_t mode) {
  MutexLock lock(&mu_);
  nodes_[path].mode = mode;
}

std::string FakeFiles::Contents(const std::string& path) const {
  MutexLock lock(&mu_);
  auto found = nodes_.find(path);
  return found == nodes_.end() ? "(none)" : found->second.data;
}

std::map<std::string, std::string> FakeFiles::Attributes(const std::string& path) const {
  MutexLock lock(&mu_);
  auto found = nodes_.find(path);
  return found == nodes_.end() ? std::map<std::string, std::string>() : found->second.attributes;
}

std::string FakeFiles::last_user() const {
  MutexLock lock(&mu_);
  return last_user_;
}

void FakeFiles::SetReads(Reads reads) {
  MutexLock lock(&mu_);
  reads_ = reads;
}

void FakeFiles::SetWrites(Writes writes) {
  MutexLock lock(&mu_);
  writes_ = writes;
}

void FakeFiles::FailWrites(absl::Status failure) {
  MutexLock lock(&mu_);
  failure_ = std::move(failure);
}

void FakeFiles::GiveRoom() {
  std::list<std::function<void()>> held;
  {
    MutexLock lock(&mu_);
    held.swap(held_);
  }
  for (auto& on_room : held) on_room();
}

size_t FakeFiles::held_writes() const {
  MutexLock lock(&mu_);
  return held_.size();
}

size_t FakeFiles::cancelled_writes() const {
  MutexLock lock(&mu_);
  return cancelled_writes_;
}

size_t FakeFiles::taken_bytes() const {
  MutexLock lock(&mu_);
  return taken_bytes_;
}

size_t FakeFiles::watches() const {
  MutexLock lock(&mu_);
  return watches_.size();
}

size_t FakeFiles::cancelled_watches() const {
  MutexLock lock(&mu_);
  return cancelled_watches_;
}

// ---- SandboxHandle ----------------------------------------------------------------------------

v1::FileEntry FakeFiles::EntryOf(const std::string& path, const Node& node) const {
  v1::FileEntry entry;
  entry.set_path(path);
  entry.set_type(node.type);
  entry.set_size_bytes(static_cast<int64_t>(node.data.size()));
  entry.set_mode(node.mode);
  entry.set_symlink_target(node.target);
  entry.set_owner("user");
  entry.set_group("user");
  entry.mutable_modified_at()->set_seconds(1700000000);
  for (const auto& [name, value] : node.attributes) (*entry.mutable_attributes())[name] = value;
  return entry;
}

absl::StatusOr<v1::FileEntry> FakeFiles::Find(const std::string& path, int links) {
  auto found = nodes_.find(CleanPath(path));
  if (found == nodes_.end()) return NotThere();
  if (links == 0 || found->second.type != v1::FileEntry::SYMLINK)
    return EntryOf(path, found->second);
  auto target = Find(PathBeside(path, found->second.target), links - 1);
  if (target.ok()) target->set_path(path);
  return target;
}

void FakeFiles::Get(const Call&, Reply<v1::Sandbox> reply) {
  v1::Sandbox sandbox = description();
  if (sandbox.state() == v1::Sandbox::DEAD) return reply(absl::NotFoundError("fake: gone"));
  reply(std::move(sandbox));
}

std::unique_ptr<Operation> FakeFiles::ReadFile(const Call&, const v1::ReadFileRequest& request,
                                               std::shared_ptr<ReadSink> sink) {
  absl::Status status;
  v1::ReadFileResponse first;
  std::string data;
  Reads reads;
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    reads = reads_;
    auto entry = Find(request.path(), kMostLinks);
    status = entry.status();
    if (status.ok() && entry->type() != v1::FileEntry::REGULAR) status = WrongType();
    if (status.ok()) {
      data = nodes_[CleanPath(request.path())].data;
      if (static_cast<size_t>(request.offset()) > data.size())
        status = absl::OutOfRangeError("fake: behind its end");
      *first.mutable_entry() = *std::move(entry);
    }
  }
  if (!status.ok()) {
    sink->End(status);
    return std::make_unique<DoneOperation>();
  }
  data =
      data.substr(static_cast<size_t>(request.offset()),
                  request.has_length() ? static_cast<size_t>(request.length()) : std::string::npos);
  if (reads == Reads::kGrowing) data += "more than was told";
  sink->Push(std::move(first));
  auto operation = std::make_unique<ReadOperation>(std::move(sink), std::move(data), reads);
  operation->Pump();
  return operation;
}

std::unique_ptr<Upload> FakeFiles::WriteFile(const Call&,
                                             const v1::WriteFileRequest::Header& header,
                                             absl::AnyInvocable<void()> on_room,
                                             Reply<v1::WriteFileResponse> reply) {
  absl::Status refused;
  {
    MutexLock lock(&mu_);
    last_user_ = header.user();
    auto entry = Find(header.path(), kMostLinks);
    if (entry.ok() && entry->type() == v1::FileEntry::DIRECTORY) refused = WrongType();
  }
  if (refused.ok()) {
    return std::make_unique<WriteOperation>(*this, header, std::move(on_room), std::move(reply));
  }
  // Answered from within the call, as what is refused.
  reply(refused);
  return std::make_unique<WriteOperation>(*this, header, std::move(on_room),
                                          [](const absl::StatusOr<v1::WriteFileResponse>&) {});
}

void FakeFiles::Store(const v1::WriteFileRequest::Header& header, std::string data) {
  MutexLock lock(&mu_);
  Node node;
  node.data = std::move(data);
  for (const auto& [name, value] : header.attributes()) node.attributes[name] = value;
  nodes_[header.path()] = std::move(node);
}

void FakeFiles::StatFile(const Call&, const v1::StatFileRequest& request,
                         Reply<v1::FileEntry> reply) {
  absl::StatusOr<v1::FileEntry> entry;
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    entry = Find(request.path(), request.follow() ? kMostLinks : 0);
  }
  reply(std::move(entry));
}

std::unique_ptr<Operation> FakeFiles::ListDirectory(const Call&,
                                                    const v1::ListDirectoryRequest& request,
                                                    std::shared_ptr<Sink<v1::FileEntry>> sink) {
  std::vector<v1::FileEntry> entries;
  absl::Status status;
  {
    MutexLock lock(&mu_);
    auto root = Find(request.path(), kMostLinks);
    status = root.status();
    if (status.ok() && root->type() != v1::FileEntry::DIRECTORY) status = WrongType();
    const std::string prefix = request.path() + "/";
    for (const auto& [path, node] : nodes_) {
      if (!absl::StartsWith(path, prefix)) continue;
      const auto depth =
          std::count(path.begin() + static_cast<ptrdiff_t>(prefix.size()), path.end(), '/');
      if (depth < request.depth()) entries.push_back(EntryOf(path, node));
    }
  }
  // In no order that anybody would expect.
  std::reverse(entries.begin(), entries.end());
  for (v1::FileEntry& entry : entries) sink->Push(std::move(entry));
  sink->End(status);
  return std::make_unique<DoneOperation>();
}

void FakeFiles::MakeDirectory(const Call&, const v1::MakeDirectoryRequest& request,
                              Reply<v1::FileEntry> reply) {
  absl::StatusOr<v1::FileEntry> entry;
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    if (nodes_.contains(request.path())) {
      entry = absl::AlreadyExistsError("fake: it is there");
    } else {
      for (std::string at = request.path(); !nodes_.contains(at) && at != "/"; at = PathParent(at))
        nodes_[at] = {v1::FileEntry::DIRECTORY, 0755, "", "", {}};
      entry = Find(request.path(), 0);
    }
  }
  reply(std::move(entry));
}

void FakeFiles::MoveFile(const Call&, const v1::MoveFileRequest& request,
                         Reply<v1::FileEntry> reply) {
  absl::StatusOr<v1::FileEntry> entry = NotThere();
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    auto found = nodes_.find(request.source());
    if (found != nodes_.end() && nodes_.contains(PathParent(request.destination()))) {
      nodes_[request.destination()] = found->second;
      nodes_.erase(request.source());
      entry = Find(request.destination(), 0);
    }
  }
  reply(std::move(entry));
}

void FakeFiles::RemoveFile(const Call&, const v1::RemoveFileRequest& request,
                           Reply<v1::RemoveFileResponse> reply) {
  size_t removed = 0;
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    const std::string below = request.path() + "/";
    removed = std::erase_if(nodes_, [&](const auto& node) {
      return node.first == request.path() ||
             (request.recursive() && absl::StartsWith(node.first, below));
    });
  }
  if (removed == 0) return reply(NotThere());
  reply(v1::RemoveFileResponse());
}

std::unique_ptr<Operation> FakeFiles::WatchDirectory(const Call&,
                                                     const v1::WatchDirectoryRequest& request,
                                                     std::shared_ptr<Sink<v1::FileEvent>> sink) {
  absl::Status status;
  {
    MutexLock lock(&mu_);
    last_user_ = request.user();
    auto entry = Find(request.path(), kMostLinks);
    status = entry.status();
    if (status.ok() && entry->type() != v1::FileEntry::DIRECTORY) status = WrongType();
  }
  if (!status.ok()) {
    sink->End(status);
    return std::make_unique<DoneOperation>();
  }
  v1::FileEvent watching;
  watching.set_kind(v1::FileEvent::WATCHING);
  watching.set_path(request.path());
  sink->Push(std::move(watching));
  MutexLock lock(&mu_);
  watches_.push_back(sink);
  return std::make_unique<WatchOperation>(*this, std::move(sink));
}

// ---- FileBackend ------------------------------------------------------------------------------

FakeFiles& FileBackend::Add(const std::string& id) {
  MutexLock lock(&mu_);
  sandboxes_[id] = std::make_shared<FakeFiles>(id);
  return *sandboxes_[id];
}

std::unique_ptr<Operation> FileBackend::Create(const Call&, const v1::CreateSandboxRequest&,
                                               Reply<v1::Sandbox> reply) {
  reply(absl::UnimplementedError("fake"));
  return std::make_unique<DoneOperation>();
}

void FileBackend::Open(const Call&, const std::string& sandbox_id,
                       Reply<std::shared_ptr<SandboxHandle>> reply) {
  std::shared_ptr<SandboxHandle> handle;
  {
    MutexLock lock(&mu_);
    auto found = sandboxes_.find(sandbox_id);
    if (found != sandboxes_.end()) handle = found->second;
  }
  if (handle == nullptr) return reply(absl::NotFoundError("fake: no such sandbox"));
  reply(std::move(handle));
}

v1::ListSandboxesResponse FileBackend::Page(const std::string& token) const {
  v1::ListSandboxesResponse response;
  for (auto at = sandboxes_.upper_bound(token); at != sandboxes_.end(); ++at) {
    if (response.sandboxes_size() == kPage) {
      response.set_next_page_token(response.sandboxes(kPage - 1).sandbox_id());
      break;
    }
    *response.add_sandboxes() = at->second->description();
  }
  return response;
}

void FileBackend::List(const Call&, const v1::ListSandboxesRequest& request,
                       Reply<v1::ListSandboxesResponse> reply) {
  v1::ListSandboxesResponse page;
  {
    MutexLock lock(&mu_);
    ++lists_;
    page = Page(request.page_token());
    if (holds_) {
      auto held = std::make_shared<Reply<v1::ListSandboxesResponse>>(std::move(reply));
      held_.push_back([held, page] { (*held)(page); });
      return;
    }
  }
  reply(std::move(page));
}

void FileBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  reply(absl::UnimplementedError("fake"));
}

void FileBackend::GetEnvironment(const Call&, const std::string&, Reply<v1::Environment> reply) {
  reply(absl::UnimplementedError("fake"));
}

void FileBackend::HoldLists() {
  MutexLock lock(&mu_);
  holds_ = true;
}

void FileBackend::ReleaseLists() {
  std::vector<std::function<void()>> held;
  {
    MutexLock lock(&mu_);
    holds_ = false;
    held.swap(held_);
  }
  for (auto& answer : held) answer();
}

size_t FileBackend::held_lists() const {
  MutexLock lock(&mu_);
  return held_.size();
}

size_t FileBackend::lists() const {
  MutexLock lock(&mu_);
  return lists_;
}

// ---- FileGateway ------------------------------------------------------------------------------

FileGateway::FileGateway()
    : files_(backend_.Add("sb1")),
      server_([this](Exchange& exchange) { return Route(exchange); }) {}

FileGateway::~FileGateway() = default;

Async<void> FileGateway::Route(Exchange& exchange) {
  const std::string sandbox_id(exchange.header("E2b-Sandbox-Id"));
  const auto& path = exchange.target().segments;
  if (path.size() == 2) {
    co_await filesystem_.Serve(exchange, sandbox_id, path[1]);
  } else if (sandbox_id.empty()) {
    co_await transfer_.ServeSigned(exchange);
  } else {
    co_await transfer_.Serve(exchange, sandbox_id);
  }
  ++answered_;
}

std::map<std::string, std::string> FileGateway::Headers(
    const std::map<std::string, std::string>& more) const {
  std::map<std::string, std::string> headers = {{"E2b-Sandbox-Id", "sb1"},
                                                {"X-Access-Token", Token()}};
  for (const auto& [name, value] : more) headers[name] = value;
  return headers;
}

HttpAnswer FileGateway::Rpc(const std::string& method, const nlohmann::json& request,
                            const std::map<std::string, std::string>& more) {
  auto headers = Headers(more);
  headers.emplace("Content-Type", "application/json");
  TestClient client(server());
  return client.Ask("POST", "/filesystem.Filesystem/" + method, headers, request.dump());
}

void FileGateway::SendStream(TestClient& client, const std::string& method,
                             const nlohmann::json& request,
                             const std::map<std::string, std::string>& more) {
  auto headers = Headers(more);
  headers.emplace("Content-Type", "application/connect+json");
  client.SendRequest("POST", "/filesystem.Filesystem/" + method, headers,
                     Envelope(0, request.dump()));
}

std::vector<nlohmann::json> StreamMessages(const std::string& body) {
  std::vector<nlohmann::json> messages;
  absl::string_view rest = body;
  while (rest.size() >= kEnvelopeHead) {
    size_t size = 0;
    for (size_t i = 1; i < kEnvelopeHead; ++i)
      size = size << 8 | static_cast<unsigned char>(rest[i]);
    rest.remove_prefix(kEnvelopeHead);
    messages.push_back(nlohmann::json::parse(std::string(rest.substr(0, size)), nullptr, false));
    rest.remove_prefix(std::min(size, rest.size()));
  }
  return messages;
}

}  // namespace warren
