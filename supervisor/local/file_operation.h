#ifndef WARREN_SUPERVISOR_LOCAL_FILE_OPERATION_H_
#define WARREN_SUPERVISOR_LOCAL_FILE_OPERATION_H_

#include <memory>
#include <string>
#include <utility>

#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/file_call.h"
#include "supervisor/session/file_upload.h"

namespace warren {

// A file call in the hands of its client; null for one that was refused. Thread-safe: its calls go
// on on the IO thread, behind its start.
class FileOperation final : public Operation {
 public:
  FileOperation(IoLoop& loop, std::shared_ptr<FileCall> file)
      : loop_(loop), file_(std::move(file)) {}

  void Resume() override {
    if (file_) loop_.Post([file = file_] { file->Resume(); });
  }
  void Cancel() override {
    if (file_) loop_.Post([file = file_] { file->Cancel(); });
  }

 private:
  IoLoop& loop_;
  const std::shared_ptr<FileCall> file_;
};

// The same of a file on its way in.
class UploadOperation final : public Upload {
 public:
  UploadOperation(IoLoop& loop, std::shared_ptr<FileUpload> upload)
      : loop_(loop), upload_(std::move(upload)) {}

  void Resume() override {}
  void Cancel() override {
    loop_.Post([upload = upload_] { upload->Cancel(); });
  }
  Flow Write(std::string data) override {
    if (data.empty()) return Flow::kContinue;
    const Flow flow = upload_->Charge(data.size());
    loop_.Post(
        [upload = upload_, data = std::move(data)]() mutable { upload->Write(std::move(data)); });
    return flow;
  }
  void Close() override {
    loop_.Post([upload = upload_] { upload->Close(); });
  }

 private:
  IoLoop& loop_;
  const std::shared_ptr<FileUpload> upload_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_FILE_OPERATION_H_
