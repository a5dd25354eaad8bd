#include "supervisor/local/module_index.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/plan/importable_modules.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ModuleIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::path(::testing::TempDir()) / "warren-modules-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
    Add("plain", "3.11");
    Add("rich", "3.13");
  }
  void TearDown() override { fs::remove_all(root_); }

  // A built template with an interpreter of this version.
  void Add(const std::string& name, const std::string& version) {
    Template& added = templates_[name];
    added.recipe.set_name(name);
    added.recipe.mutable_debian();
    added.recipe.set_python("/usr/bin/python3");
    added.rootfs = (root_ / name).string();
    fs::create_directories(root_ / name / "usr/bin");
    fs::create_symlink("python" + version, root_ / name / "usr/bin/python3");
    Touch(name, "usr/lib/python" + version + "/json/__init__.py");
  }
  void Touch(const std::string& name, const std::string& file) {
    fs::create_directories((root_ / name / file).parent_path());
    std::ofstream(root_ / name / file).put('\n');
  }
  std::string Hint(const std::string& module) {
    for (auto& [name, each] : templates_) each.modules = ImportableModules(each);
    return ModuleIndex::Of(templates_).Hint("plain", module);
  }

  fs::path root_;
  std::map<std::string, Template> templates_;
};

TEST_F(ModuleIndexTest, NamesTheTemplateThatHasIt) {
  Touch("rich", "usr/lib/python3/dist-packages/pandas/__init__.py");
  EXPECT_EQ(
      Hint("pandas"),
      "the template rich has pandas: create the sandbox with it (warren exec --template rich)");
  EXPECT_EQ(Hint("nosuch"), "");
  EXPECT_EQ(Hint(""), "");
}

TEST_F(ModuleIndexTest, SaysNothingOfWhatTheSandboxHasItself) {
  EXPECT_EQ(Hint("json"), "");
  Touch("rich", "usr/lib/python3/dist-packages/pandas/__init__.py");
  Touch("plain", "usr/local/lib/python3.11/dist-packages/pandas/__init__.py");
  EXPECT_EQ(Hint("pandas"), "");
}

TEST_F(ModuleIndexTest, ReadsFoldersFilesAndExtensions) {
  const std::string packages = "usr/lib/python3/dist-packages/";
  Touch("rich", "usr/lib/python3.13/alone.py");
  Touch("rich", "usr/lib/python3.13/lib-dynload/_native.cpython-313-x86_64-linux-gnu.so");
  Touch("rich", packages + "numpy-2.2.4.egg-info/PKG-INFO");
  Touch("rich", packages + "notes.txt");
  Touch("rich", packages + "README");
  Touch("rich", packages + "two-words/x.py");
  Touch("rich", packages + "__pycache__/alone.cpython-313.pyc");
  // Of another interpreter.
  Touch("rich", "usr/lib/python3.12/older.py");
  EXPECT_NE(Hint("alone"), "");
  EXPECT_NE(Hint("_native"), "");
  for (const char* none :
       {"numpy", "notes", "README", "two", "two-words", "__pycache__", "older"}) {
    EXPECT_EQ(Hint(none), "") << none;
  }
}

TEST_F(ModuleIndexTest, WhatIsNotBuiltIsKnownByItsRecipe) {
  Template& rich = templates_["rich"];
  rich.recipe.add_preload("pandas.io.formats.style");
  rich.rootfs.clear();
  rich.unavailable = "not built; run `rootfs/build rich`";
  EXPECT_THAT(Hint("pandas"), AllOf(HasSubstr("the template rich has pandas"),
                                    HasSubstr("not built; run `rootfs/build rich`")));
  EXPECT_EQ(Hint("pandas.io"), "");
  // One that is there goes first, whatever its name.
  Add("third", "3.13");
  Touch("third", "usr/lib/python3.13/pandas/__init__.py");
  EXPECT_THAT(Hint("pandas"), HasSubstr("template third"));
}

TEST_F(ModuleIndexTest, AnInterpreterOfNoKnownVersionHasNoNames) {
  fs::remove(root_ / "rich/usr/bin/python3");
  EXPECT_EQ(Hint("alone"), "");
  fs::create_symlink("pypy3", root_ / "rich/usr/bin/python3");
  Touch("rich", "usr/lib/python3/dist-packages/pandas/__init__.py");
  EXPECT_EQ(Hint("pandas"), "");
}

}  // namespace
}  // namespace warren
