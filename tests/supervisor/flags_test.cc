#include "supervisor/main/flags.h"

#include <stdlib.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ParsedFlags Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "warrend");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ParseFlags(static_cast<int>(argv.size()), argv.data());
}

TEST(FlagsTest, Defaults) {
  Flags flags = Parse({}).flags;
  EXPECT_THAT(flags.listen, ElementsAre("unix:///run/warren/warren.sock"));
  EXPECT_EQ(flags.template_store, "/var/lib/warren/templates");
  EXPECT_EQ(flags.default_template, "");
  EXPECT_TRUE(flags.pool.empty());
  EXPECT_EQ(flags.cgroup_parent, "warren");
  EXPECT_EQ(flags.max_sandboxes, 1000);
  EXPECT_EQ(flags.profile, "user");
  EXPECT_EQ(flags.keys, "/var/lib/warren/keys.db");
  EXPECT_EQ(flags.egress_policy, "default");
  EXPECT_EQ(flags.package_policy, "default");
  EXPECT_TRUE(flags.package_indexes.empty());
  EXPECT_EQ(flags.package_store, "/var/lib/warren/packages");
  EXPECT_EQ(flags.package_store_bytes, int64_t{20} << 30);
}

// The launcher may not be where a relative path was said.
TEST(FlagsTest, PackageIndexesAreUrlsAndDirectoriesThatExist) {
  const Flags flags = Parse({"--package-index=https://packages.test/simple/",
                             "--package-index=/usr/../usr/lib", "--package-index=."})
                          .flags;
  EXPECT_THAT(flags.package_indexes, ElementsAre("https://packages.test/simple/", "/usr/lib",
                                                 std::filesystem::current_path().string()));
  for (const char* index : {"", "/no/such/directory", "/etc/passwd", "ftp://packages.test/"})
    EXPECT_EQ(Parse({"--package-index", index}).exit_code, 2) << index;
  ::setenv("WARREN_PACKAGE_INDEX", "http://packages.test/simple/", 1);
  EXPECT_THAT(Parse({}).flags.package_indexes, ElementsAre("http://packages.test/simple/"));
  ::unsetenv("WARREN_PACKAGE_INDEX");
}

TEST(FlagsTest, ThePackageStoreIsAPathAndHasRoomForAPackage) {
  EXPECT_EQ(Parse({"--package-store=/srv/./packages"}).flags.package_store, "/srv/packages");
  EXPECT_EQ(Parse({"--package-store=store"}).flags.package_store,
            (std::filesystem::current_path() / "store").string());
  EXPECT_EQ(Parse({"--package-store="}).exit_code, 2);
  EXPECT_EQ(Parse({"--package-store-bytes=67108864"}).flags.package_store_bytes, 67108864);
  for (const char* bytes : {"0", "-1", "67108863", "many", "99999999999999999999"})
    EXPECT_EQ(Parse({"--package-store-bytes", bytes}).exit_code, 2) << bytes;
}

TEST(FlagsTest, TheFileOfKeysIsAnAbsolutePath) {
  EXPECT_EQ(Parse({"--keys=/etc/../srv/keys"}).flags.keys, "/srv/keys");
  EXPECT_EQ(Parse({"--keys=keys"}).flags.keys, (std::filesystem::current_path() / "keys").string());
  for (const char* file : {"", "/etc/"}) EXPECT_EQ(Parse({"--keys", file}).exit_code, 2) << file;
  ::setenv("WARREN_KEYS", "/srv/keys.db", 1);
  EXPECT_EQ(Parse({}).flags.keys, "/srv/keys.db");
  EXPECT_EQ(Parse({"--keys=/a"}).flags.keys, "/a");
  ::unsetenv("WARREN_KEYS");
}

TEST(FlagsTest, OnlyProfilesOfUserCode) {
  EXPECT_EQ(Parse({"--profile=root"}).flags.profile, "root");
  for (const char* profile : {"", "init", "agent", "zygote", "Root"}) {
    EXPECT_EQ(Parse({std::string("--profile=") + profile}).exit_code, 2) << profile;
  }
}

TEST(FlagsTest, RepeatedFlagsReplaceTheDefault) {
  Flags flags =
      Parse({"--listen=127.0.0.1:1", "--listen", "unix:///x", "--pool=a=1", "--pool=b=2:3"}).flags;
  EXPECT_THAT(flags.listen, ElementsAre("127.0.0.1:1", "unix:///x"));
  EXPECT_EQ(flags.pool.size(), 2u);
  EXPECT_EQ(flags.pool.at("b").maximum, 3);
}

TEST(FlagsTest, TheEnvironmentIsBehindTheFlags) {
  ::setenv("WARREN_CGROUP_PARENT", "from-environment", 1);
  EXPECT_EQ(Parse({}).flags.cgroup_parent, "from-environment");
  EXPECT_EQ(Parse({"--cgroup-parent=from-flag"}).flags.cgroup_parent, "from-flag");
  ::unsetenv("WARREN_CGROUP_PARENT");
}

// The default one need not exist: `base` works without. One with a mistake in its name must not
// come into being.
TEST(FlagsTest, AStoreThatIsNamedMustExist) {
  EXPECT_EQ(Parse({"--templates=/usr"}).flags.template_store, "/usr");
  for (const char* store : {"/no/such/store", "/etc/passwd", "/etc/passwd/store"}) {
    EXPECT_EQ(Parse({"--templates", store}).exit_code, 2) << store;
    ::setenv("WARREN_TEMPLATES", store, 1);
    EXPECT_EQ(Parse({}).exit_code, 2) << store;
    ::unsetenv("WARREN_TEMPLATES");
  }
  ::testing::internal::CaptureStderr();
  Parse({"--templates=/no/such/store"});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              ::testing::AllOf(HasSubstr("--templates: open /no/such/store: No such file"),
                               HasSubstr("rootfs/build --store /no/such/store")));
}

TEST(FlagsTest, TheDefaultTemplateMayComeFromTheEnvironment) {
  ::setenv("WARREN_DEFAULT_TEMPLATE", "base", 1);
  EXPECT_EQ(Parse({}).flags.default_template, "base");
  EXPECT_EQ(Parse({"--default-template=other"}).flags.default_template, "other");
  ::unsetenv("WARREN_DEFAULT_TEMPLATE");
}

TEST(FlagsTest, PoolEntries) {
  EXPECT_EQ(ParsePoolEntry("data-science=4")->first, "data-science");
  EXPECT_EQ(ParsePoolEntry("base=0:0")->second.maximum, 0);
  for (const char* text :
       {"", "base", "=2", "base=", "base=-1", "base=x", "base=3:2", "base=1:", "base=1001"}) {
    EXPECT_FALSE(ParsePoolEntry(text).ok()) << text;
  }
}

// What the launcher has user ids for: it takes the same number.
TEST(FlagsTest, NoMoreSandboxesThanTheHostHasUserIdsFor) {
  EXPECT_EQ(Parse({"--max-sandboxes=4094"}).flags.max_sandboxes, 4094);
  EXPECT_EQ(Parse({"--max-sandboxes=1"}).flags.max_sandboxes, 1);
  for (const char* count : {"0", "4095", "4096", "99999999999", "many"}) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(Parse({"--max-sandboxes", count}).exit_code, 2) << count;
    EXPECT_THAT(::testing::internal::GetCapturedStderr(),
                HasSubstr(std::string("--max-sandboxes: ") + count + " is not from 1 to 4094"));
  }
}

TEST(FlagsTest, BadFlagsEndWithTwo) {
  EXPECT_EQ(Parse({"--log-level=loud"}).exit_code, 2);
  EXPECT_TRUE(Parse({"--max-sandboxes=-3"}).finished);
}

}  // namespace
}  // namespace warren
