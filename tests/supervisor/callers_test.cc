// Who calls at the gRPC door, by the key that a call brings and the socket that it comes through.
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/keys/key_file.h"
#include "supervisor/service/service.h"
#include "tests/supervisor/door.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/file.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"
#include "warren/v1/template.grpc.pb.h"

namespace warren {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using ::testing::Not;

using Metadata = std::vector<std::pair<std::string, std::string>>;

constexpr char kWrongKey[] = "e2b_0123456789abcdef0123456789abcdef01234567";

Metadata Bearer(const std::string& key) { return {{"authorization", "Bearer " + key}}; }

class CallersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "warren-callers-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
    file_ = path + "/keys.db";
    unix_ = std::make_unique<Door>(service_, Door::Socket::kUnix, file_);
    tcp_ = std::make_unique<Door>(service_, Door::Socket::kTcp, file_);
  }
  void TearDown() override {
    unix_.reset();
    tcp_.reset();
    std::filesystem::remove_all(directory_);
  }

  KeyFile::Made MakeKey(const std::string& tenant) {
    return *KeyFile::OpenOrMake(file_)->Create(tenant, "");
  }
  static grpc::Status ListAt(const Door& door, const Metadata& metadata,
                             v1::ListSandboxesResponse* listed) {
    auto stub = v1::SandboxService::NewStub(door.NewChannel());
    grpc::ClientContext context;
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    return stub->ListSandboxes(&context, {}, listed);
  }
  static StatusCode CodeAt(const Door& door, const Metadata& metadata) {
    v1::ListSandboxesResponse listed;
    return ListAt(door, metadata, &listed).error_code();
  }
  // Of the sandboxes that such a call sees.
  static int CountAt(const Door& door, const Metadata& metadata) {
    v1::ListSandboxesResponse listed;
    EXPECT_TRUE(ListAt(door, metadata, &listed).ok());
    return listed.sandboxes_size();
  }
  static std::string CreateAt(const Door& door, const Metadata& metadata) {
    auto stub = v1::SandboxService::NewStub(door.NewChannel());
    grpc::ClientContext context;
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    v1::Sandbox sandbox;
    EXPECT_TRUE(stub->CreateSandbox(&context, {}, &sandbox).ok());
    return sandbox.sandbox_id();
  }
  static grpc::Status CallRaw(const Door& door, const std::string& method,
                              const Metadata& metadata) {
    grpc::GenericStub stub(door.NewChannel());
    grpc::ClientContext context;
    for (const auto& [name, value] : metadata) context.AddMetadata(name, value);
    grpc::Slice slice("");
    grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, &queue);
    void* tag;
    bool ok;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return status;
  }

  std::filesystem::path directory_;
  std::string file_;
  FakeBackend fake_;
  Service service_{fake_};
  std::unique_ptr<Door> unix_;
  std::unique_ptr<Door> tcp_;
};

TEST_F(CallersTest, WithoutKeysEverybodyIsTheOperator) {
  CreateAt(*unix_, {});
  EXPECT_EQ(CountAt(*unix_, {}), 1);
  EXPECT_EQ(CountAt(*tcp_, {}), 1);
}

TEST_F(CallersTest, OnceThereIsAKeyTcpDemandsOneAndTheUnixSocketDoesNot) {
  CreateAt(*unix_, {});
  ASSERT_EQ(CountAt(*tcp_, {}), 1);
  const auto made = MakeKey("acme");
  v1::ListSandboxesResponse listed;
  const grpc::Status refused = ListAt(*tcp_, {}, &listed);
  EXPECT_EQ(refused.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(refused.error_message(), HasSubstr("demands an API key"));
  EXPECT_THAT(refused.error_message(), HasSubstr("WARREN_API_KEY"));
  EXPECT_EQ(CountAt(*unix_, {}), 1);
  EXPECT_EQ(CountAt(*tcp_, Bearer(made.key)), 0);
}

// The revocation of the last key makes nobody the operator.
TEST_F(CallersTest, ARevokedKeyIsRefusedAtOnceAndTcpStaysShut) {
  const auto made = MakeKey("acme");
  ASSERT_EQ(CodeAt(*tcp_, Bearer(made.key)), StatusCode::OK);
  ASSERT_TRUE(KeyFile::Open(file_)->Revoke(made.info.id).ok());
  for (const Door* door : {unix_.get(), tcp_.get()})
    EXPECT_EQ(CodeAt(*door, Bearer(made.key)), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CodeAt(*tcp_, {}), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CodeAt(*unix_, {}), StatusCode::OK);
}

TEST_F(CallersTest, AKeyComesInEitherForm) {
  const auto acme = MakeKey("acme");
  const auto zeta = MakeKey("zeta");
  CreateAt(*tcp_, Bearer(acme.key));
  for (const Door* door : {unix_.get(), tcp_.get()}) {
    for (const Metadata& metadata :
         {Bearer(acme.key), Metadata{{"x-api-key", acme.key}},
          Metadata{{"authorization", "bearer " + acme.key}},
          Metadata{{"x-api-key", acme.key}, {"authorization", "Bearer " + acme.key}}}) {
      EXPECT_EQ(CountAt(*door, metadata), 1);
    }
    EXPECT_EQ(CountAt(*door, Bearer(zeta.key)), 0);
  }
}

// What was meant to be a key never counts as none, also where none is needed.
TEST_F(CallersTest, AWrongKeyIsRefusedEverywhere) {
  const auto acme = MakeKey("acme");
  const auto zeta = MakeKey("zeta");
  for (const Door* door : {unix_.get(), tcp_.get()}) {
    for (const Metadata& metadata :
         {Bearer(kWrongKey), Bearer(""), Bearer(acme.key + "0"), Bearer(std::string(7000, 'a')),
          Metadata{{"x-api-key", ""}}, Metadata{{"x-api-key", "Bearer " + acme.key}},
          Metadata{{"authorization", acme.key}}, Metadata{{"authorization", ""}},
          Metadata{{"authorization", "Basic " + acme.key}},
          Metadata{{"x-api-key", acme.key}, {"x-api-key", zeta.key}},
          Metadata{{"x-api-key", acme.key}, {"authorization", "Bearer " + zeta.key}}}) {
      EXPECT_EQ(CodeAt(*door, metadata), StatusCode::UNAUTHENTICATED) << metadata.front().second;
    }
  }
}

TEST_F(CallersTest, AWrongKeyIsRefusedWithoutAnyKeyToo) {
  for (const Door* door : {unix_.get(), tcp_.get()})
    EXPECT_EQ(CodeAt(*door, Bearer(kWrongKey)), StatusCode::UNAUTHENTICATED);
}

TEST_F(CallersTest, WhereTheKeysCannotBeReadTcpIsShut) {
  std::ofstream(file_) << "no database";
  EXPECT_EQ(CodeAt(*tcp_, {}), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(CodeAt(*unix_, {}), StatusCode::OK);
  v1::ListSandboxesResponse listed;
  const grpc::Status refused = ListAt(*tcp_, Bearer(kWrongKey), &listed);
  EXPECT_EQ(refused.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(refused.error_message(), HasSubstr("cannot read its keys"));
  EXPECT_THAT(refused.error_message(), Not(HasSubstr(file_)));
}

TEST_F(CallersTest, EveryMethodAsksWhoCalls) {
  MakeKey("acme");
  int methods = 0;
  for (const auto* file :
       {v1::Sandbox::descriptor()->file(), v1::ExecutionEvent::descriptor()->file(),
        v1::ProcessEvent::descriptor()->file(), v1::FileEvent::descriptor()->file(),
        v1::Environment::descriptor()->file(), v1::TemplateInfo::descriptor()->file()}) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        const std::string path =
            absl::StrCat("/", method->service()->full_name(), "/", method->name());
        EXPECT_EQ(CallRaw(*tcp_, path, {}).error_code(), StatusCode::UNAUTHENTICATED) << path;
        EXPECT_EQ(CallRaw(*tcp_, path, Bearer(kWrongKey)).error_code(), StatusCode::UNAUTHENTICATED)
            << path;
        ++methods;
      }
    }
  }
  EXPECT_EQ(methods, 40);
  EXPECT_EQ(CallRaw(*tcp_, "/other.Service/Method", {}).error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(fake_.sandboxes(), 0u);
}

TEST_F(CallersTest, HealthIsEverybodys) {
  MakeKey("acme");
  EXPECT_EQ(CallRaw(*tcp_, "/grpc.health.v1.Health/Check", {}).error_code(), StatusCode::OK);
}

TEST_F(CallersTest, TheOperatorAloneCallsForATenant) {
  CreateAt(*unix_, {{"warren-tenant", "acme"}});
  CreateAt(*unix_, {});
  EXPECT_EQ(CountAt(*unix_, {{"warren-tenant", "acme"}}), 1);
  EXPECT_EQ(CountAt(*unix_, {{"warren-tenant", "zeta"}}), 0);
  EXPECT_EQ(CountAt(*unix_, {}), 2);
  const auto acme = MakeKey("acme");
  EXPECT_EQ(CountAt(*tcp_, Bearer(acme.key)), 1);
  for (const char* tenant : {"acme", "zeta", ""}) {
    Metadata metadata = Bearer(acme.key);
    metadata.emplace_back("warren-tenant", tenant);
    EXPECT_EQ(CodeAt(*tcp_, metadata), StatusCode::PERMISSION_DENIED) << tenant;
    EXPECT_EQ(CodeAt(*unix_, metadata), StatusCode::PERMISSION_DENIED) << tenant;
  }
  EXPECT_EQ(CodeAt(*tcp_, {{"warren-tenant", "acme"}}), StatusCode::UNAUTHENTICATED);
  for (const char* tenant : {"", "A", "a b", "-"})
    EXPECT_EQ(CodeAt(*unix_, {{"warren-tenant", tenant}}), StatusCode::INVALID_ARGUMENT) << tenant;
  EXPECT_EQ(CodeAt(*unix_, {{"warren-tenant", "a"}, {"warren-tenant", "b"}}),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(CallersTest, TheStoreOfPackagesIsTheOperators) {
  const auto acme = MakeKey("acme");
  for (const char* method : {"ListStoredPackages", "PruneStoredPackages", "VerifyStoredPackages"}) {
    const std::string path = absl::StrCat("/warren.v1.PackageService/", method);
    EXPECT_EQ(CallRaw(*tcp_, path, Bearer(acme.key)).error_code(), StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(CallRaw(*unix_, path, {{"warren-tenant", "acme"}}).error_code(),
              StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(CallRaw(*unix_, path, {}).error_code(), StatusCode::OK);
  }
}

TEST_F(CallersTest, AnUploadIsRefusedBeforeItsFirstByte) {
  MakeKey("acme");
  auto files = v1::FileService::NewStub(tcp_->NewChannel());
  grpc::ClientContext context;
  v1::WriteFileResponse response;
  auto writer = files->WriteFile(&context, &response);
  EXPECT_EQ(writer->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

}  // namespace
}  // namespace warren
