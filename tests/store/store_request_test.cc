#include "runtime/store/store_request.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using internal::StoreRequest;

const std::string& Digest() {
  static const std::string* const kDigest = new std::string(64, 'a');
  return *kDigest;
}

StoreRequest Adding() {
  StoreRequest request;
  request.set_id(1);
  internal::StoredPackage& package = *request.mutable_add_package()->mutable_package();
  package.set_key(Digest());
  package.set_name("some-package");
  package.set_version("1.0rc1+local.2");
  return request;
}

StoreRequest Making() {
  StoreRequest request;
  request.set_id(1);
  *request.mutable_make_set()->mutable_set()->add_packages() = Adding().add_package().package();
  request.mutable_make_set()->set_request_digest(Digest());
  request.mutable_make_set()->set_valid_seconds(1);
  return request;
}

TEST(ParseStoreRequest, TakesWhatIsOne) {
  EXPECT_TRUE(ParseStoreRequest(Adding().SerializeAsString(), 1).ok());
  EXPECT_TRUE(ParseStoreRequest(Making().SerializeAsString(), 0).ok());
}

TEST(ParseStoreRequest, RefusesWhatCannotBeUnderstood) {
  EXPECT_FALSE(ParseStoreRequest("\xff\xff", 0).ok());
  EXPECT_FALSE(ParseStoreRequest("", 0).ok());
  StoreRequest request = Making();
  request.set_id(0);
  EXPECT_FALSE(ParseStoreRequest(request.SerializeAsString(), 0).ok());
  request.Clear();
  request.set_id(1);
  EXPECT_FALSE(ParseStoreRequest(request.SerializeAsString(), 0).ok());
  EXPECT_FALSE(ParseStoreRequest(Adding().SerializeAsString(), 0).ok());
  EXPECT_FALSE(ParseStoreRequest(Adding().SerializeAsString(), 2).ok());
  EXPECT_FALSE(ParseStoreRequest(Making().SerializeAsString(), 1).ok());
}

TEST(CheckStoreRequest, DigestsAreDigests) {
  for (const std::string& digest :
       {std::string(), std::string("../etc"), std::string(63, 'a'), std::string(65, 'a'),
        std::string(64, 'A'), std::string(64, 'g'), std::string(63, 'a') + "\n"}) {
    StoreRequest request;
    request.mutable_find_resolution()->set_request_digest(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    request.mutable_has_packages()->add_keys(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    request.mutable_use_set()->set_digest(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    request.mutable_release_set()->set_digest(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    request = Adding();
    request.mutable_add_package()->mutable_package()->set_key(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    request = Making();
    request.mutable_make_set()->mutable_set()->mutable_packages(0)->set_key(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
    if (digest.empty()) continue;
    request = Making();
    request.mutable_make_set()->set_request_digest(digest);
    EXPECT_FALSE(CheckStoreRequest(request).ok());
  }
}

TEST(CheckStoreRequest, NamesAndBoundsArePossible) {
  EXPECT_TRUE(CheckStoreRequest(Adding()).ok());
  StoreRequest request = Adding();
  request.mutable_add_package()->mutable_package()->set_name("Some_Package");
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Adding();
  request.mutable_add_package()->mutable_package()->set_version("1.0/../..");
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Adding();
  request.mutable_add_package()->set_max_bytes(-1);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Adding();
  request.mutable_add_package()->set_max_files(-1);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Adding();
  request.mutable_add_package()->set_patience_seconds(3601);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request.mutable_prune()->set_unused_seconds(-1);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
}

TEST(CheckStoreRequest, SetsAreSetsOfABoundedSize) {
  EXPECT_TRUE(CheckStoreRequest(Making()).ok());
  StoreRequest request = Making();
  request.mutable_make_set()->set_valid_seconds(0);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Making();
  internal::StoredSet& set = *request.mutable_make_set()->mutable_set();
  *set.add_packages() = set.packages(0);
  EXPECT_FALSE(CheckStoreRequest(request).ok());
  request = Making();
  for (int i = 0; i < 1000; ++i) {
    internal::StoredPackage package = request.make_set().set().packages(0);
    const std::string number = std::to_string(i);
    package.mutable_key()->replace(0, number.size(), number);
    *request.mutable_make_set()->mutable_set()->add_packages() = package;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(CheckStoreRequest(request)));
}

}  // namespace
}  // namespace warren
