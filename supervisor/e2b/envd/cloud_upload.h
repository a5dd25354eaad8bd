#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_UPLOAD_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_UPLOAD_H_

#include <openssl/evp.h>

#include <deque>
#include <memory>
#include <string>

#include "runtime/base/mutex.h"
#include "supervisor/e2b/envd/cloud_files.h"

namespace warren {

// A file on its way into the cloud. The cloud knows no end but the body's: what is not to be
// written is cut off before that. Its digest is made here.
//
// Of the loop's thread, but for Write and Close. Kept by its call. Lifecycle: Start → Write* →
// Close → the reply, which also comes without either.
class CloudUpload final : public HttpSink, public std::enable_shared_from_this<CloudUpload> {
 public:
  // With as much waiting, who writes is told to wait until it is gone.
  static constexpr size_t kMostWaiting = 1 << 20;

  // `header` is valid.
  CloudUpload(FilesOf files, v1::WriteFileRequest::Header header,
              absl::AnyInvocable<void()> on_room, Reply<v1::WriteFileResponse> reply);

  void Start();
  // For any thread; in order.
  Flow Write(std::string data);
  void Close();
  void Resume() {}
  void Cancel();

  void OnHead(const HttpHead& head) override { head_ = head; }
  Flow OnBytes(absl::string_view bytes) override;
  void OnRoom() override;
  void OnEnd(absl::Status status, bool sent) override;

 private:
  struct FreeDigest {
    void operator()(EVP_MD_CTX* digest) const { ::EVP_MD_CTX_free(digest); }
  };
  void AwaitAnswer();
  // What waits goes on as far as the call takes it.
  void SendWaiting();
  void Finish();
  void Answer(absl::StatusOr<v1::FileEntry> entry);
  std::string Target() const;

  const FilesOf files_;
  const v1::WriteFileRequest::Header header_;
  absl::AnyInvocable<void()> on_room_;
  // Null once it is answered.
  Reply<v1::WriteFileResponse> reply_;
  SandboxUse use_;
  std::unique_ptr<HttpCall> call_;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
  std::string sha256_;
  HttpHead head_;
  std::string answer_;
  int64_t size_ = 0;
  TimerId answer_timer_ = 0;
  bool call_has_room_ = true;
  bool sent_end_ = false;

  Mutex mu_;
  std::deque<std::string> waiting_ ABSL_GUARDED_BY(mu_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  MemoryCharge charge_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_UPLOAD_H_
