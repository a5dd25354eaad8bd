#ifndef WARREN_SUPERVISOR_API_FILE_SERVICE_H_
#define WARREN_SUPERVISOR_API_FILE_SERVICE_H_

#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/file.grpc.pb.h"

namespace warren {

// warren.v1.FileService. Thread-safe; what it is given outlives it.
class FileService final
    : public v1::FileService::WithRawCallbackMethod_ReadFile<
          v1::FileService::WithRawCallbackMethod_WriteFile<
              v1::FileService::WithRawCallbackMethod_StatFile<
                  v1::FileService::WithRawCallbackMethod_ListDirectory<
                      v1::FileService::WithRawCallbackMethod_MakeDirectory<
                          v1::FileService::WithRawCallbackMethod_MoveFile<
                              v1::FileService::WithRawCallbackMethod_RemoveFile<
                                  v1::FileService::WithRawCallbackMethod_WatchDirectory<
                                      v1::FileService::Service>>>>>>>> {
 public:
  FileService(const Callers& callers, Backend& backend, OpenStreams& streams)
      : callers_(callers), backend_(backend), streams_(streams) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* ReadFile(grpc::CallbackServerContext* context,
                                                       const grpc::ByteBuffer* request) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* WriteFile(grpc::CallbackServerContext* context,
                                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* StatFile(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ListDirectory(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* MakeDirectory(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* MoveFile(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RemoveFile(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchDirectory(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;

 private:
  const Callers& callers_;
  Backend& backend_;
  OpenStreams& streams_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_FILE_SERVICE_H_
