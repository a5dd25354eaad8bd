#ifndef WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_
#define WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_

#include "supervisor/api/callers.h"
#include "supervisor/api/open_streams.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/execution.grpc.pb.h"

namespace warren {

// warren.v1.ExecutionService. Thread-safe; what it is given outlives it.
class ExecutionService final
    : public v1::ExecutionService::WithRawCallbackMethod_ExecuteCode<
          v1::ExecutionService::WithRawCallbackMethod_InterruptExecution<
              v1::ExecutionService::WithRawCallbackMethod_RunScript<
                  v1::ExecutionService::WithRawCallbackMethod_ConnectExecution<
                      v1::ExecutionService::Service>>>> {
 public:
  ExecutionService(const Callers& callers, Backend& backend, OpenStreams& streams)
      : callers_(callers), backend_(backend), streams_(streams) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* ExecuteCode(grpc::CallbackServerContext* context,
                                                          const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* RunScript(grpc::CallbackServerContext* context,
                                                        const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* ConnectExecution(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* InterruptExecution(grpc::CallbackServerContext* context,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
  OpenStreams& streams_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_EXECUTION_SERVICE_H_
