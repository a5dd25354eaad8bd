#include "supervisor/backend/validate_package.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

v1::InstallPackageRequest Install(const std::string& requirement) {
  v1::InstallPackageRequest request;
  request.mutable_what()->add_requirements(requirement);
  return request;
}

void ExpectInvalid(const absl::Status& status, const std::string& why) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(why));
}

TEST(ValidatePackage, SomethingIsAskedFor) {
  EXPECT_TRUE(ValidateInstall(Install("six")).ok());
  ExpectInvalid(ValidateInstall({}), "what asks for no package");
  v1::InstallPackageRequest request;
  request.mutable_what()->set_constraints_file("six==1.0\n");
  ExpectInvalid(ValidateInstall(request), "what asks for no package");
  request.mutable_what()->set_requirements_file(" \n\n");
  ExpectInvalid(ValidateInstall(request), "what asks for no package");
  request.mutable_what()->set_requirements_file("six\n");
  EXPECT_TRUE(ValidateInstall(request).ok());
  request.mutable_what()->add_requirements(" ");
  ExpectInvalid(ValidateInstall(request), "what.requirements[0] is empty");
}

TEST(ValidatePackage, RequirementsAreFewAndShort) {
  v1::InstallPackageRequest request;
  for (int i = 0; i < 256; ++i) request.mutable_what()->add_requirements("six");
  EXPECT_TRUE(ValidateInstall(request).ok());
  request.mutable_what()->add_requirements("six");
  ExpectInvalid(ValidateInstall(request), "what.requirements has 257 entries; at most 256");
  EXPECT_TRUE(ValidateInstall(Install(std::string(1024, 'x'))).ok());
  ExpectInvalid(ValidateInstall(Install(std::string(1025, 'x'))),
                "what.requirements[0] has 1025 bytes; at most 1024");
  ExpectInvalid(ValidateInstall(Install(std::string("six\0", 4))),
                "what.requirements[0] contains a NUL byte");
}

TEST(ValidatePackage, FilesAreSmall) {
  constexpr size_t kMax = 256 << 10;
  v1::PrefetchPackagesRequest request;
  request.mutable_what()->set_requirements_file(std::string(kMax, 'x'));
  request.mutable_what()->set_constraints_file(std::string(kMax, 'x'));
  EXPECT_TRUE(ValidatePrefetch(request).ok());
  request.mutable_what()->mutable_constraints_file()->push_back('x');
  ExpectInvalid(ValidatePrefetch(request), "what.constraints_file has 262145 bytes");
  request.mutable_what()->set_constraints_file(std::string("six\0", 4));
  ExpectInvalid(ValidatePrefetch(request), "what.constraints_file contains a NUL byte");
  request.mutable_what()->clear_constraints_file();
  request.mutable_what()->mutable_requirements_file()->push_back('x');
  ExpectInvalid(ValidatePrefetch(request), "what.requirements_file has 262145 bytes");
}

TEST(ValidatePackage, TemplatesHaveNames) {
  v1::PrefetchPackagesRequest request;
  request.mutable_what()->add_requirements("six");
  request.set_template_id(std::string(128, 'x'));
  EXPECT_TRUE(ValidatePrefetch(request).ok());
  request.set_template_id(std::string(129, 'x'));
  ExpectInvalid(ValidatePrefetch(request), "template_id has 129 bytes");
}

TEST(ValidatePackage, WhatIsUnusedIsSoForAWhile) {
  v1::PruneStoredPackagesRequest request;
  EXPECT_TRUE(ValidatePrune(request).ok());
  request.mutable_unused_for()->set_seconds(366 * 86400);
  EXPECT_TRUE(ValidatePrune(request).ok());
  request.mutable_unused_for()->set_seconds(366 * 86400 + 1);
  ExpectInvalid(ValidatePrune(request), "unused_for is");
  request.mutable_unused_for()->set_seconds(-1);
  ExpectInvalid(ValidatePrune(request), "unused_for is");
}

}  // namespace
}  // namespace warren
