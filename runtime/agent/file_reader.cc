#include "runtime/agent/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime/agent/file_facts.h"

namespace warren {

void FileReader::Open(const internal::ReadFileCall& call) {
  struct stat info;
  const FileResult opened = OpenRegular(root(), call.path(), O_RDONLY, &file_, &info);
  if (!opened.ok()) return End(opened);
  if (OutOfDescriptors(file_.get())) return End(FileFailed(EMFILE, "open"));
  const uint64_t size = static_cast<uint64_t>(info.st_size);
  if (call.offset() > size)
    return End({internal::StreamEnd::OUT_OF_RANGE, 0, "it has " + std::to_string(size) + " bytes"});
  start_ = position_ = call.offset();
  end_ = call.has_length() ? start_ + std::min(call.length(), size - start_) : size;
  internal::AgentEvent event;
  event.mutable_entry()->set_stream_id(id());
  internal::FileFacts* facts = event.mutable_entry()->mutable_file();
  facts->set_path(call.path());
  FillFacts(info, OwnerNames(root()), facts);
  FillAttributes(file_.get(), facts);
  Spend(event.entry().ByteSizeLong());
  Tell(event);
  if (start_ == end_) Finish({});
}

void FileReader::Turn() {
  const uint64_t most =
      std::min({end_ - position_, static_cast<uint64_t>(credit()), uint64_t{kStreamPiece}});
  std::string& buffer = services().buffer;
  if (buffer.size() < most) buffer.resize(most);
  const ssize_t size = ::pread(file_.get(), buffer.data(), most, static_cast<off_t>(position_));
  if (size < 0 && errno == EINTR) return;
  if (size < 0) return Finish(FileFailed(errno, "read"));
  if (size == 0) return Finish({internal::StreamEnd::TRUNCATED, 0, "it became shorter"});
  const absl::string_view data(buffer.data(), static_cast<size_t>(size));
  digest_.Add(data);
  position_ += data.size();
  Spend(data.size());
  TellData(data, position_ == end_);
  if (position_ == end_) Finish({});
}

void FileReader::Finish(const FileResult& result) {
  internal::StreamEnd end;
  end.set_size(position_ - start_);
  end.set_sha256(digest_.Digest());
  End(result, std::move(end));
}

}  // namespace warren
