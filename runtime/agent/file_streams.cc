#include "runtime/agent/file_streams.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "runtime/agent/acting_user.h"
#include "runtime/agent/directory_lister.h"
#include "runtime/agent/directory_watcher.h"
#include "runtime/agent/file_calls.h"
#include "runtime/agent/file_reader.h"
#include "runtime/agent/file_writer.h"
#include "runtime/agent/tree_remover.h"

namespace warren {
namespace {

constexpr uint32_t kMaxMode = 07777;
constexpr uint32_t kMaxListDepth = 64;
constexpr size_t kDigestBytes = 32;
constexpr size_t kMaxSetAttributeBytes = 4 << 10;
constexpr size_t kMaxAttributeName = 255;
// What took more is worth giving back to the sandbox.
constexpr size_t kSmallBuffer = 16 << 10;
constexpr int kMostDescriptors = 512;

bool IsPath(const std::string& path) {
  return !path.empty() && path.size() <= kMaxAgentPath && path[0] == '/' &&
         path.find('\0') == std::string::npos;
}

bool IsOffset(uint64_t offset) { return offset <= static_cast<uint64_t>(INT64_MAX); }

bool AreAttributes(const google::protobuf::Map<std::string, std::string>& attributes) {
  size_t total = 0;
  for (const auto& [name, value] : attributes) {
    if (!absl::StartsWith(name, "user.") || name.size() > kMaxAttributeName ||
        name.find('\0') != std::string::npos) {
      return false;
    }
    total += name.size() + value.size();
  }
  return total <= kMaxSetAttributeBytes;
}

bool IsWrite(const internal::WriteFileCall& call) {
  return IsPath(call.path()) && call.mode() <= kMaxMode &&
         (call.sha256().empty() || call.sha256().size() == kDigestBytes) &&
         IsOffset(call.offset()) && !(call.append() && call.has_offset()) &&
         AreAttributes(call.attributes());
}

bool IsValid(const internal::FileCall& call) {
  switch (call.operation_case()) {
    case internal::FileCall::kRead:
      return IsPath(call.read().path()) && IsOffset(call.read().offset());
    case internal::FileCall::kWrite:
      return IsWrite(call.write());
    case internal::FileCall::kStat:
      return IsPath(call.stat().path());
    case internal::FileCall::kList:
      return IsPath(call.list().path()) && call.list().depth() >= 1 &&
             call.list().depth() <= kMaxListDepth;
    case internal::FileCall::kMakeDirectory:
      return IsPath(call.make_directory().path()) && call.make_directory().mode() <= kMaxMode;
    case internal::FileCall::kMove:
      return IsPath(call.move().source()) && IsPath(call.move().destination());
    case internal::FileCall::kRemove:
      return IsPath(call.remove().path());
    case internal::FileCall::kWatch:
      return IsPath(call.watch().path());
    case internal::FileCall::kUsage:
      return true;
    case internal::FileCall::OPERATION_NOT_SET:
      break;
  }
  return false;
}

// Half of what it may have: the other half is its commands'.
int MaxDescriptor() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<int>(std::min<rlim_t>(limit.rlim_cur / 2, kMostDescriptors));
}

}  // namespace

FileStreams::FileStreams(FileRoot root, StreamOutput& output)
    : services_{std::move(root), output, MaxDescriptor(), ""} {
  ::umask(0);
}

bool FileStreams::OnCall(const internal::FileCall& call) {
  const uint64_t id = call.stream_id();
  if (id == 0 || streams_.contains(id) || !IsValid(call)) return false;
  if (streams_.size() >= kMaxAgentStreams) {
    TellEnd(services_.output, id, FileFailed(EUSERS, "begin one more call"), {});
    return true;
  }
  const ActingUser user(call.uid(), call.gid());
  if (!user.ok()) {
    TellEnd(services_.output, id, FileFailed(EPERM, "act as that user"), {});
  } else {
    Begin(call);
  }
  return true;
}

void FileStreams::Begin(const internal::FileCall& call) {
  FileResult result;
  internal::StreamEnd end;
  const FileRoot& root = services_.root;
  switch (call.operation_case()) {
    case internal::FileCall::kRead:
      return Open<FileReader>(call, call.read());
    case internal::FileCall::kWrite:
      return Open<FileWriter>(call, call.write());
    case internal::FileCall::kList:
      return Open<DirectoryLister>(call, call.list());
    case internal::FileCall::kRemove:
      return Open<TreeRemover>(call, call.remove());
    case internal::FileCall::kWatch:
      return Open<DirectoryWatcher>(call, call.watch());
    case internal::FileCall::kStat:
      result = Stat(root, call.stat(), &end);
      break;
    case internal::FileCall::kMakeDirectory:
      result = MakeDirectory(root, call.make_directory(), &end);
      break;
    case internal::FileCall::kMove:
      result = Move(root, call.move(), &end);
      break;
    case internal::FileCall::kUsage:
      result = TellUsage(root, &end);
      break;
    case internal::FileCall::OPERATION_NOT_SET:
      return;
  }
  TellEnd(services_.output, call.stream_id(), result, std::move(end));
}

template <class Kind, class Operation>
void FileStreams::Open(const internal::FileCall& call, const Operation& operation) {
  auto stream = std::make_unique<Kind>(services_, call.stream_id());
  stream->Open(operation);
  if (!stream->ended()) streams_[call.stream_id()] = {call.uid(), call.gid(), std::move(stream)};
}

template <class Act>
bool FileStreams::With(uint64_t stream_id, Act act) {
  auto found = streams_.find(stream_id);
  if (found == streams_.end()) return stream_id != 0;
  bool kept_bounds = true;
  {
    const ActingUser user(found->second.uid, found->second.gid);
    FileStream& stream = *found->second.stream;
    if (user.ok()) {
      kept_bounds = act(stream);
    } else {
      stream.Cancel();
    }
    if (!stream.ended()) return kept_bounds;
    streams_.erase(found);
  }
  if (streams_.empty() && services_.buffer.capacity() > kSmallBuffer) {
    std::string().swap(services_.buffer);
    ::malloc_trim(0);
  }
  return kept_bounds;
}

bool FileStreams::OnData(const internal::StreamData& data) {
  if (data.data().size() > kMaxStreamData || (data.data().empty() && !data.last())) return false;
  return With(data.stream_id(), [&](FileStream& stream) { return stream.Take(data); });
}

bool FileStreams::OnCredit(const internal::StreamCredit& credit) {
  auto found = streams_.find(credit.stream_id());
  if (found != streams_.end()) found->second.stream->AddCredit(credit.bytes());
  return credit.stream_id() != 0 && credit.bytes() != 0;
}

bool FileStreams::OnCancel(const internal::StreamCancel& cancel) {
  return With(cancel.stream_id(), [](FileStream& stream) {
    stream.Cancel();
    return true;
  });
}

bool FileStreams::ready() const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [](const auto& each) { return each.second.stream->ready(); });
}

void FileStreams::Turn() {
  auto next = streams_.upper_bound(last_turn_);
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (next == streams_.end()) next = streams_.begin();
    if (next->second.stream->ready()) break;
    ++next;
  }
  if (next == streams_.end() || !next->second.stream->ready()) return;
  last_turn_ = next->first;
  With(last_turn_, [](FileStream& stream) {
    stream.Turn();
    return true;
  });
}

std::vector<FileStreams::Wait> FileStreams::waits() const {
  std::vector<Wait> waits;
  for (const auto& [id, each] : streams_) {
    if (each.stream->descriptor() >= 0) waits.push_back({each.stream->descriptor(), id});
  }
  return waits;
}

void FileStreams::OnReadable(uint64_t stream_id) {
  auto found = streams_.find(stream_id);
  if (found != streams_.end()) found->second.stream->OnReadable();
}

}  // namespace warren
