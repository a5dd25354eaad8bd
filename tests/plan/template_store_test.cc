#include "runtime/plan/template_store.h"

#include <openssl/sha.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kHost[] =
    "name: \"one\"\nhost { directories: \"/usr\" }\npython: \"/usr/bin/python3\"\n";
constexpr char kDebian[] =
    "name: \"one\"\ndebian { suite: \"trixie\" }\npython: \"/usr/bin/python3\"\n";

std::string Digest(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::StrCat("sha256:", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<char*>(digest), sizeof(digest))));
}

class TemplateStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-templates-", ::getpid());
    fs::remove_all(root_);
    fs::create_directories(root_ / "recipes");
    fs::create_directories(root_ / "store");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  absl::StatusOr<std::map<std::string, Template>> Load() {
    return LoadTemplates((root_ / "recipes").string(), (root_ / "store").string());
  }
  // The message of the failure that this recipe must be.
  std::string Refusal(const std::string& recipe) {
    Write("recipes/one/recipe.textproto", recipe);
    absl::Status status = Load().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << recipe << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("one/recipe.textproto"))
        << "names the file";
    return std::string(status.message());
  }
  std::string Unavailable() {
    auto templates = Load();
    EXPECT_TRUE(templates.ok()) << templates.status();
    return templates.ok() ? templates->at("one").unavailable : "";
  }

  fs::path root_;
};

TEST_F(TemplateStoreTest, AHostTemplateNeedsNoStore) {
  Write("recipes/one/recipe.textproto", kHost);
  Write("recipes/one/warmup.py", "import this\n");
  Write("recipes/README", "no template");
  auto templates = Load();
  ASSERT_TRUE(templates.ok()) << templates.status();
  ASSERT_EQ(templates->size(), 1u);
  const Template& one = templates->at("one");
  EXPECT_EQ(one.unavailable, "");
  EXPECT_EQ(one.digest, Digest(kHost));
  EXPECT_EQ(one.warmup, "import this\n");
  EXPECT_EQ(one.rootfs, "");
}

TEST_F(TemplateStoreTest, ABuiltTemplateIsFound) {
  Write("recipes/one/recipe.textproto", kDebian);
  fs::create_directories(root_ / "store/one/rootfs");
  Write("store/one/manifest.textproto",
        absl::StrCat(
            "name: \"one\" python_version: \"3.13.5\" tree_digest: \"sha256:ab\" recipe_digest: \"",
            Digest(kDebian), "\""));
  auto templates = Load();
  ASSERT_TRUE(templates.ok()) << templates.status();
  const Template& one = templates->at("one");
  EXPECT_EQ(one.unavailable, "");
  EXPECT_EQ(one.digest, "sha256:ab");
  EXPECT_EQ(one.manifest.python_version(), "3.13.5");
  EXPECT_EQ(one.rootfs, (root_ / "store/one/rootfs").string());
}

TEST_F(TemplateStoreTest, WhatIsNotBuiltSaysHow) {
  Write("recipes/one/recipe.textproto", kDebian);
  EXPECT_THAT(Unavailable(), HasSubstr("not built"));
  EXPECT_THAT(Unavailable(),
              HasSubstr(absl::StrCat("rootfs/build --store ", root_.string(), "/store one")));
  Write("store/one/manifest.textproto", "name: ");
  EXPECT_THAT(Unavailable(), HasSubstr("damaged"));
  Write("store/one/manifest.textproto", "name: \"one\" recipe_digest: \"sha256:00\"");
  EXPECT_THAT(Unavailable(), HasSubstr("older recipe"));
  Write("store/one/manifest.textproto",
        absl::StrCat("name: \"one\" recipe_digest: \"", Digest(kDebian), "\""));
  EXPECT_THAT(Unavailable(), HasSubstr("root file system is missing"));
  // A file of that name is none.
  Write("store/one/rootfs", "");
  EXPECT_THAT(Unavailable(), HasSubstr("root file system is missing"));
  EXPECT_THAT(Unavailable(), HasSubstr("build")) << "the remedy";
}

// Limits and the like are the sandboxes': a change of them needs no new tree.
TEST_F(TemplateStoreTest, ATreeOutlivesAChangeThatDoesNotReachIt) {
  Write("store/one/recipe.textproto", kDebian);
  Write("store/one/manifest.textproto",
        absl::StrCat("name: \"one\" recipe_digest: \"", Digest(kDebian), "\""));
  fs::create_directories(root_ / "store/one/rootfs");
  Write("recipes/one/recipe.textproto",
        absl::StrCat(kDebian,
                     " limits { pids: 9 } description: \"new\" start: EXEC profiles: \"user\""));
  EXPECT_EQ(Unavailable(), "");
  Write("recipes/one/recipe.textproto", absl::StrCat(kDebian, " preload: \"json\""));
  EXPECT_THAT(Unavailable(), HasSubstr("older recipe"));
  // A copy that is not the file that the tree was made from says nothing.
  const std::string changed = absl::StrCat(kDebian, " limits { pids: 9 }");
  Write("recipes/one/recipe.textproto", changed);
  Write("store/one/recipe.textproto", changed);
  EXPECT_THAT(Unavailable(), HasSubstr("older recipe"));
}

TEST_F(TemplateStoreTest, AnUnavailableTemplateDoesNotHideTheOthers) {
  Write("recipes/one/recipe.textproto", kDebian);
  Write("recipes/two/recipe.textproto",
        "name: \"two\" host { directories: \"/usr\" } python: \"/usr/bin/python3\"");
  auto templates = Load();
  ASSERT_TRUE(templates.ok()) << templates.status();
  EXPECT_NE(templates->at("one").unavailable, "");
  EXPECT_EQ(templates->at("two").unavailable, "");
}

TEST_F(TemplateStoreTest, RefusesRecipesThatAreNone) {
  EXPECT_THAT(Refusal("name: one"), HasSubstr("protobuf text format"));
  EXPECT_THAT(Refusal("nosuch: 1"), HasSubstr("protobuf text format"));
  EXPECT_THAT(Refusal("name: \"two\""), HasSubstr("name must be"));
  EXPECT_THAT(Refusal("name: \"one\" python: \"/p\""), HasSubstr("no source"));
  EXPECT_THAT(Refusal("name: \"one\" host {} python: \"python3\""), HasSubstr("absolute"));
  EXPECT_THAT(Refusal("name: \"one\" host {}"), HasSubstr("absolute"));
}

TEST_F(TemplateStoreTest, RefusesNamesThatAreNoDirectory) {
  for (const std::string& name : {std::string("One"), std::string("-one"), std::string("o_ne"),
                                  std::string(64, 'a'), std::string("o.e")}) {
    fs::remove_all(root_ / "recipes");
    Write(absl::StrCat("recipes/", name, "/recipe.textproto"),
          absl::StrCat("name: \"", name, "\" host {} python: \"/usr/bin/python3\""));
    EXPECT_TRUE(absl::IsInvalidArgument(Load().status())) << name;
  }
}

// Directories become mount options and targets: separators and tricks in them must not.
TEST_F(TemplateStoreTest, RefusesDirectoriesThatAreNotPlain) {
  for (const char* directory : {"usr", "/", "/usr/", "/usr/..", "/a//b", "/a:b", "/a,upperdir=/x",
                                "/a\\\\b", "", "/./usr"}) {
    EXPECT_THAT(Refusal(absl::StrCat("name: \"one\" host { directories: \"", directory,
                                     "\" } python: \"/usr/bin/python3\"")),
                HasSubstr("bad directory"))
        << directory;
  }
  std::string many = "name: \"one\" python: \"/usr/bin/python3\" host {";
  for (int i = 0; i < 9; ++i) absl::StrAppend(&many, " directories: \"/d", i, "\"");
  EXPECT_THAT(Refusal(many + "}"), HasSubstr("at most 8"));
}

TEST_F(TemplateStoreTest, RefusesProfilesThatNoTemplateGrants) {
  for (const char* profiles : {"profiles: \"root\"", "profiles: \"user\" profiles: \"init\"",
                               "profiles: \"\"", "profiles: \"user\" profiles: \"user\"",
                               "profiles: \"user\" profiles: \"root\" profiles: \"root\""}) {
    EXPECT_THAT(Refusal(absl::StrCat(kHost, profiles)), HasSubstr("profiles are \"user\""));
  }
  const std::string both = absl::StrCat(kHost, "profiles: \"user\" profiles: \"root\"");
  EXPECT_THAT(Refusal(absl::StrCat(both, " seccomp_policy: \"strict\"")),
              HasSubstr("would go past \"strict\""));
  Write("recipes/one/recipe.textproto", absl::StrCat(both, " seccomp_policy: \"default\""));
  EXPECT_TRUE(Load().ok());
}

TEST_F(TemplateStoreTest, NoRecipeAtAllIsAnError) {
  EXPECT_TRUE(absl::IsNotFound(Load().status()));
  EXPECT_TRUE(absl::IsNotFound(LoadTemplates("/nonexistent", "/nonexistent").status()));
}

TEST_F(TemplateStoreTest, RefusesAnOversizeWarmup) {
  Write("recipes/one/recipe.textproto", kHost);
  Write("recipes/one/warmup.py", std::string(70'000, '#'));
  EXPECT_TRUE(absl::IsResourceExhausted(Load().status()));
}

}  // namespace
}  // namespace warren
