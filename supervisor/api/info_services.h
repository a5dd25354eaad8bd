#ifndef WARREN_SUPERVISOR_API_INFO_SERVICES_H_
#define WARREN_SUPERVISOR_API_INFO_SERVICES_H_

#include "supervisor/api/callers.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/backend.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {

// warren.v1.TemplateService. Thread-safe; what it is given outlives it.
class TemplateService final : public v1::TemplateService::WithRawCallbackMethod_ListTemplates<
                                  v1::TemplateService::Service> {
 public:
  TemplateService(const Callers& callers, Backend& backend)
      : callers_(callers), backend_(backend) {}
  grpc::ServerUnaryReactor* ListTemplates(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
};

// warren.v1.BackendService. Thread-safe; what it is given outlives it.
class BackendService final
    : public v1::BackendService::WithRawCallbackMethod_ListBackends<v1::BackendService::Service> {
 public:
  BackendService(const Callers& callers, Backend& backend) : callers_(callers), backend_(backend) {}
  grpc::ServerUnaryReactor* ListBackends(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
};

// warren.v1.EnvironmentService. Thread-safe; what it is given outlives it.
class EnvironmentService final
    : public v1::EnvironmentService::WithRawCallbackMethod_GetEnvironment<
          v1::EnvironmentService::Service> {
 public:
  EnvironmentService(const Callers& callers, Backend& backend)
      : callers_(callers), backend_(backend) {}
  grpc::ServerUnaryReactor* GetEnvironment(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const Callers& callers_;
  Backend& backend_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_INFO_SERVICES_H_
