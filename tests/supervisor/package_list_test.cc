#include "supervisor/local/package_list.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Packages = google::protobuf::RepeatedPtrField<warren::v1::Environment::Package>;

std::vector<std::string> Told(PackageList& list) {
  Packages packages;
  list.MoveTo(&packages);
  std::vector<std::string> told;
  for (const auto& package : packages)
    told.push_back(absl::StrCat(package.name(), " ", package.version()));
  return told;
}

TEST(PackageListTest, NamesAndVersionsOfMetadata) {
  PackageList list;
  for (const char* name :
       {"scikit_learn-1.4.2.dist-info", "numpy-1.24.2.egg-info",
        "Zope.Interface-6.0-py3.11.egg-info", "torch-2.3.0+cpu.dist-info", "six.py", "numpy"}) {
    EXPECT_TRUE(list.Add(absl::StrCat("/usr/lib/python3/dist-packages/", name)));
  }
  EXPECT_THAT(Told(list), ElementsAre("numpy 1.24.2", "scikit-learn 1.4.2", "torch 2.3.0+cpu",
                                      "zope-interface 6.0"));
}

TEST(PackageListTest, TheFirstOnThePathIsTold) {
  PackageList list;
  EXPECT_TRUE(list.Add("/home/user/.local/lib/python3.13/site-packages/Six-9.dist-info"));
  EXPECT_TRUE(list.Add("/usr/lib/python3/dist-packages/six-1.16.dist-info"));
  EXPECT_THAT(Told(list), ElementsAre("six 9"));
}

TEST(PackageListTest, WhatIsNoNameIsPassedOver) {
  PackageList list;
  const std::string longest(PackageList::kMaxName, 'n');
  for (const std::string& name :
       {std::string("\xff\xfe-1.dist-info"), std::string("a\x1b[31m-1.dist-info"),
        std::string("a-\n.dist-info"), std::string("-1.dist-info"), std::string("a-.dist-info"),
        std::string(".dist-info"), std::string("a.dist-info"), std::string("_a-1.dist-info"),
        std::string("a-1\0.dist-info", 14), absl::StrCat(longest, "n-1.dist-info"),
        absl::StrCat("a-", std::string(PackageList::kMaxVersion + 1, '1'), ".dist-info")}) {
    EXPECT_TRUE(list.Add(absl::StrCat("/x/", name)));
  }
  EXPECT_THAT(Told(list), IsEmpty());
  EXPECT_TRUE(list.Add(absl::StrCat(longest, "-1.dist-info")));
  EXPECT_THAT(Told(list), ElementsAre(absl::StrCat(longest, " 1")));
}

TEST(PackageListTest, ThereAreSoMany) {
  PackageList list;
  for (size_t i = 0; i < PackageList::kMaxPackages; ++i)
    ASSERT_TRUE(list.Add(absl::StrCat("/x/p", i, "-1.dist-info")));
  EXPECT_TRUE(list.Add("/x/p7-2.dist-info")) << "it is there";
  EXPECT_FALSE(list.Add("/x/q-1.dist-info"));
  EXPECT_EQ(Told(list).size(), PackageList::kMaxPackages);
}

}  // namespace
}  // namespace warren
