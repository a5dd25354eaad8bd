#include "runtime/packages/package_name.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace warren::testing {
namespace {

TEST(IsPackageNameTest, TakesWhatPep508Takes) {
  for (const char* name : {"numpy", "n", "7", "Zope.Interface", "a-b_c.d", "a--b", "0x"}) {
    EXPECT_TRUE(IsPackageName(name)) << name;
  }
  EXPECT_TRUE(IsPackageName(std::string(kMaxPackageName, 'a')));
  EXPECT_FALSE(IsPackageName(std::string(kMaxPackageName + 1, 'a')));
}

TEST(IsPackageNameTest, RefusesTheRest) {
  for (const char* name : {"", "-a", "a-", ".a", "a.", "_a", "a_", "a b", "a/b", "../a", "a\n", "é",
                           "a+b", "a%2e", "-"}) {
    EXPECT_FALSE(IsPackageName(name)) << name;
  }
  EXPECT_FALSE(IsPackageName(std::string("a\0b", 3)));
}

TEST(NormalizedPackageNameTest, IsPep503s) {
  const std::pair<const char*, const char*> cases[] = {
      {"Zope.Interface", "zope-interface"},
      {"a-_.b", "a-b"},
      {"A__b", "a-b"},
      {"typing_extensions", "typing-extensions"},
      {"numpy", "numpy"},
      {"acme_", "acme-"},
      {"", ""},
  };
  for (const auto& [name, normal] : cases) {
    EXPECT_EQ(NormalizedPackageName(name), normal);
    EXPECT_EQ(NormalizedPackageName(normal), normal);
  }
}

TEST(IsNormalizedPackageNameTest, TakesOneSpellingOfEach) {
  EXPECT_TRUE(IsNormalizedPackageName("zope-interface"));
  for (const char* name :
       {"Zope-interface", "zope.interface", "zope_interface", "zope--interface", "", "-"}) {
    EXPECT_FALSE(IsNormalizedPackageName(name)) << name;
  }
}

}  // namespace
}  // namespace warren::testing
