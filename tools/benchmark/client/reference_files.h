#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCE_FILES_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCE_FILES_H_

#include <grpcpp/grpcpp.h>

#include "warren/v1/file.grpc.pb.h"

// A FileService without files: what is written is counted, what is read is made up.
namespace warren::bench {

class ReferenceFiles final : public v1::FileService::CallbackService {
  // `length` bytes of Pattern(), in messages of the size that the path's last part says.
  grpc::ServerWriteReactor<v1::ReadFileResponse>* ReadFile(
      grpc::CallbackServerContext* context, const v1::ReadFileRequest* request) override;
  grpc::ServerReadReactor<v1::WriteFileRequest>* WriteFile(
      grpc::CallbackServerContext* context, v1::WriteFileResponse* response) override;
  grpc::ServerUnaryReactor* RemoveFile(grpc::CallbackServerContext* context,
                                       const v1::RemoveFileRequest* request,
                                       v1::RemoveFileResponse* response) override;
};

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCE_FILES_H_
