#ifndef WARREN_RUNTIME_AGENT_FILE_READER_H_
#define WARREN_RUNTIME_AGENT_FILE_READER_H_

#include <cstdint>

#include "runtime/agent/file_stream.h"
#include "runtime/agent/sha256.h"

namespace warren {

// A file on its way out: what it is, then its bytes, as far as they reached when it was opened.
// Lifecycle: constructor → Open → turns.
class FileReader final : public FileStream {
 public:
  using FileStream::FileStream;

  void Open(const internal::ReadFileCall& call);

  bool ready() const override { return credit() > 0; }
  void Turn() override;

 private:
  void Finish(const FileResult& result);

  UniqueFd file_;
  uint64_t position_ = 0;
  uint64_t start_ = 0;
  uint64_t end_ = 0;
  Sha256 digest_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_FILE_READER_H_
