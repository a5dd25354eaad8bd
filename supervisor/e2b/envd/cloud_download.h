#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_DOWNLOAD_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_DOWNLOAD_H_

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "supervisor/e2b/envd/cloud_files.h"

namespace warren {

// A file on its way out of the cloud: its entry, its bytes as they come, their digest, which is
// made here. Of the loop's thread. Kept by its call. Lifecycle: Start → the sink's End.
class CloudDownload final : public HttpSink, public std::enable_shared_from_this<CloudDownload> {
 public:
  // `request` is valid.
  CloudDownload(FilesOf files, v1::ReadFileRequest request,
                std::shared_ptr<SandboxHandle::ReadSink> sink);
  ~CloudDownload() override;

  void Start();
  void Resume();
  void Cancel();

  void OnHead(const HttpHead& head) override;
  Flow OnBytes(absl::string_view bytes) override;
  void OnEnd(absl::Status status, bool sent) override;

 private:
  struct FreeDigest {
    void operator()(EVP_MD_CTX* digest) const { ::EVP_MD_CTX_free(digest); }
  };
  void OnEntry(absl::StatusOr<v1::FileEntry> entry);
  void Fetch();
  void Finish();
  void End(absl::Status status);

  const FilesOf files_;
  const v1::ReadFileRequest request_;
  // Null at its end.
  std::shared_ptr<SandboxHandle::ReadSink> sink_;
  SandboxUse use_;
  std::unique_ptr<HttpCall> call_;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
  HttpHead head_;
  std::string refusal_;
  Flow flow_ = Flow::kContinue;
  int64_t wanted_ = 0;
  int64_t sent_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_DOWNLOAD_H_
