#ifndef WARREN_SUPERVISOR_API_PROCESS_SERVICE_H_
#define WARREN_SUPERVISOR_API_PROCESS_SERVICE_H_

#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {

// warren.v1.ProcessService. Thread-safe; what it is given outlives it.
class ProcessService final
    : public v1::ProcessService::WithRawCallbackMethod_StartProcess<
          v1::ProcessService::WithRawCallbackMethod_ConnectProcess<
              v1::ProcessService::WithRawCallbackMethod_ListProcesses<
                  v1::ProcessService::WithRawCallbackMethod_WriteProcessInput<
                      v1::ProcessService::WithRawCallbackMethod_ResizeTerminal<
                          v1::ProcessService::WithRawCallbackMethod_SignalProcess<
                              v1::ProcessService::Service>>>>>> {
 public:
  ProcessService(const Callers& callers, Backend& backend, OpenStreams& streams)
      : callers_(callers), backend_(backend), streams_(streams) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* StartProcess(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ConnectProcess(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* ListProcesses(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* WriteProcessInput(grpc::CallbackServerContext* context,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ResizeTerminal(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SignalProcess(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
  OpenStreams& streams_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_PROCESS_SERVICE_H_
