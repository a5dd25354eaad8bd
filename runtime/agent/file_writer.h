#ifndef WARREN_RUNTIME_AGENT_FILE_WRITER_H_
#define WARREN_RUNTIME_AGENT_FILE_WRITER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/agent/file_place.h"
#include "runtime/agent/file_stream.h"
#include "runtime/agent/sha256.h"

namespace warren {

// A file on its way in. It is written under another name beside the place that it is for,
// ".warren-", 16 digits of which the last says whether it replaces a file, and ".tmp", and takes
// its place when it is whole; where anything fails that name goes. The agent's death leaves it. An
// append goes to the file itself.
//
// The kernel has files without a name (O_TMPFILE). Giving them one takes CAP_DAC_READ_SEARCH or the
// caller's own /proc, neither of which the agent has.
//
// Lifecycle: constructor → Open → Take*.
class FileWriter final : public FileStream {
 public:
  using FileStream::FileStream;
  ~FileWriter() override { RemoveTemporary(); }

  void Open(const internal::WriteFileCall& call);

  // Whether a file of this name is one that is being written.
  static bool IsTemporary(absl::string_view name);
  // Of one: whether there was no file in its place when it was begun.
  static bool IsOfNew(absl::string_view temporary);

  // What comes is written at once.
  bool ready() const override { return false; }
  void Turn() override {}
  bool Take(const internal::StreamData& data) override;
  void Abandon() override { RemoveTemporary(); }

 private:
  // To add to it, or to write from an offset on.
  FileResult OpenInPlace(const internal::WriteFileCall& call);
  FileResult OpenTemporary(const internal::WriteFileCall& call);
  // The mode of what is replaced, as far as it can be replaced by the caller.
  FileResult LookAtReplaced(const internal::WriteFileCall& call);
  FileResult SetAttributes(const internal::WriteFileCall& call);
  FileResult Write(absl::string_view bytes);
  // Digest, mode, name.
  FileResult Complete();
  void Finish();
  void Fail(const FileResult& result);
  void RemoveTemporary();

  // As asked for.
  std::string path_;
  // Where that leads.
  FilePlace place_;
  UniqueFd file_;
  // Empty: there is none.
  std::string temporary_;
  mode_t mode_ = 0;
  bool exclusive_ = false;
  // A file is in its place.
  bool replaces_ = false;
  std::string wanted_digest_;
  Sha256 digest_;
  uint64_t size_ = 0;
  // What may still come.
  int64_t window_ = kStreamWindow;
  // Written and not told as credit yet.
  uint32_t untold_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_WRITER_H_
