#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_WATCH_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_WATCH_H_

#include <memory>

#include "supervisor/e2b/envd/cloud_files.h"
#include "supervisor/e2b/envd/envd_stream.h"

namespace warren {

// A watch of a directory in the cloud. Of the loop's thread. Kept by its stream. Lifecycle: Start →
// the sink's End.
class CloudWatch final : public EnvdStreamListener,
                         public std::enable_shared_from_this<CloudWatch> {
 public:
  using WatchSink = Sink<v1::FileEvent>;
  // `request` is valid.
  CloudWatch(FilesOf files, v1::WatchDirectoryRequest request, std::shared_ptr<WatchSink> sink)
      : files_(std::move(files)),
        request_(std::move(request)),
        sink_(std::move(sink)),
        use_(files_.sandbox->use) {}
  ~CloudWatch() override;

  void Start();
  void Resume();
  void Cancel();

  absl::StatusOr<Flow> OnMessage(absl::string_view json) override;
  void OnStreamEnd(EnvdStreamEnd end) override;

 private:
  void End(absl::Status status);

  const FilesOf files_;
  const v1::WatchDirectoryRequest request_;
  // Null at its end.
  std::shared_ptr<WatchSink> sink_;
  SandboxUse use_;
  // It holds this.
  std::weak_ptr<EnvdStream> stream_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_WATCH_H_
