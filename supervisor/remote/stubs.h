#ifndef WARREN_SUPERVISOR_REMOTE_STUBS_H_
#define WARREN_SUPERVISOR_REMOTE_STUBS_H_

#include <memory>
#include <string>
#include <utility>

#include "grpcpp/channel.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {

// The services of another Warren, by one channel. Thread-safe.
struct RemoteStubs {
  // `backend_name`: what the other Warren is called here; `api_key` goes with every call, where
  // there is one.
  RemoteStubs(const std::shared_ptr<grpc::Channel>& channel, std::string backend_name,
              std::string api_key)
      : name(std::move(backend_name)),
        key(std::move(api_key)),
        sandboxes(v1::SandboxService::NewStub(channel)),
        executions(v1::ExecutionService::NewStub(channel)),
        contexts(v1::ContextService::NewStub(channel)),
        files(v1::FileService::NewStub(channel)),
        processes(v1::ProcessService::NewStub(channel)),
        templates(v1::TemplateService::NewStub(channel)),
        environments(v1::EnvironmentService::NewStub(channel)),
        packages(v1::PackageService::NewStub(channel)) {}

  const std::string name;
  const std::string key;
  const std::unique_ptr<v1::SandboxService::Stub> sandboxes;
  const std::unique_ptr<v1::ExecutionService::Stub> executions;
  const std::unique_ptr<v1::ContextService::Stub> contexts;
  const std::unique_ptr<v1::FileService::Stub> files;
  const std::unique_ptr<v1::ProcessService::Stub> processes;
  const std::unique_ptr<v1::TemplateService::Stub> templates;
  const std::unique_ptr<v1::EnvironmentService::Stub> environments;
  const std::unique_ptr<v1::PackageService::Stub> packages;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_STUBS_H_
