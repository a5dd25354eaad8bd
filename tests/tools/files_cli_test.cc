#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "tools/warren/files/copy_end.h"
#include "tools/warren/files/digest.h"
#include "tools/warren/files/file_text.h"
#include "tools/warren/files/new_file.h"
#include "tools/warren/files/progress.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ParseCopyEnd, AColonBeforeAnySlashIsASandbox) {
  CopyEnd end = ParseCopyEnd("sb1:/a:b");
  EXPECT_EQ(end.kind, CopyEnd::Kind::kSandbox);
  EXPECT_EQ(end.sandbox_id, "sb1");
  EXPECT_EQ(end.path, "/a:b");
  EXPECT_EQ(ParseCopyEnd("sb1:").path, "");
  EXPECT_EQ(ParseCopyEnd("sb1:").kind, CopyEnd::Kind::kSandbox);
  for (const char* local : {"a", "./a:b", "/x:y", ":a", "", "..", "a/b:c"}) {
    EXPECT_EQ(ParseCopyEnd(local).kind, CopyEnd::Kind::kLocal) << local;
    EXPECT_EQ(ParseCopyEnd(local).path, local);
  }
  EXPECT_EQ(ParseCopyEnd("-").kind, CopyEnd::Kind::kStandardStream);
}

TEST(Names, BaseNameAndJoin) {
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(BaseName("b"), "b");
  EXPECT_EQ(BaseName("/"), "");
  EXPECT_EQ(JoinPath("/a", "b"), "/a/b");
  EXPECT_EQ(JoinPath("/a/", "b"), "/a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("/a", ""), "/a");
}

TEST(RelativeTo, TakesNoNameThatLeadsElsewhere) {
  std::string relative;
  ASSERT_TRUE(RelativeTo("/r", "/r/a/b", &relative));
  EXPECT_EQ(relative, "a/b");
  ASSERT_TRUE(RelativeTo("/", "/etc", &relative));
  EXPECT_EQ(relative, "etc");
  ASSERT_TRUE(RelativeTo("/r", "/r", &relative));
  EXPECT_EQ(relative, "");
  for (const char* path : {"/rr/a", "/x", "r/a", "/r/../x", "/r/a/..", "/r//a", "/r/./a", "/r/"}) {
    EXPECT_FALSE(RelativeTo("/r", path, &relative)) << path;
  }
}

TEST(StaysWithin, OnlyLinksThatCannotLeaveTheCopy) {
  EXPECT_TRUE(StaysWithin("a", 0));
  EXPECT_TRUE(StaysWithin("./a/b", 0));
  EXPECT_TRUE(StaysWithin("../a", 1));
  EXPECT_TRUE(StaysWithin("../../a", 2));
  for (const char* target : {"", "/etc/passwd", "..", "../a", "a/../b", "a/.."}) {
    EXPECT_FALSE(StaysWithin(target, 0)) << target;
  }
  EXPECT_FALSE(StaysWithin("../../a", 1));
  // `b` may be a link itself: what is above it is not what the text says.
  EXPECT_FALSE(StaysWithin("b/../..", 5));
}

TEST(Digest, IsSha256) {
  Digest digest;
  digest.Add("a");
  digest.Add("bc");
  EXPECT_EQ(digest.size(), 3);
  EXPECT_EQ(absl::BytesToHexString(digest.Finish()),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ProgressText, TellsShareRateAndName) {
  ProgressState state = {"dir/file", 1 << 20, 4 << 20, absl::Seconds(2)};
  EXPECT_EQ(ProgressText(state, 200),
            "[#####---------------]  25% 1.0 MiB of 4.0 MiB, 512.0 KiB/s  dir/file");
  state.total_bytes = 0;
  EXPECT_EQ(ProgressText(state, 200), "1.0 MiB, 512.0 KiB/s  dir/file");
}

TEST(ProgressText, FitsAndObeysNothing) {
  ProgressState state = {std::string(300, 'x') + "\x1b[2J.txt", 9 << 20, 4 << 20, absl::Seconds(2)};
  std::string text = ProgressText(state, 80);
  EXPECT_LE(text.size(), 80U);
  EXPECT_THAT(text, HasSubstr("100%"));
  EXPECT_THAT(text, HasSubstr("\\x1b[2J.txt"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(ProgressText(state, 10).size(), 10U);
  EXPECT_EQ(ProgressText(state, 0), "");
}

TEST(FileText, ModesAsLsHasThem) {
  v1::FileEntry entry;
  entry.set_type(v1::FileEntry::DIRECTORY);
  entry.set_mode(01777);
  EXPECT_EQ(ModeText(entry), "drwxrwxrwt");
  entry.set_type(v1::FileEntry::REGULAR);
  entry.set_mode(04750);
  EXPECT_EQ(ModeText(entry), "-rwsr-x---");
  entry.set_mode(02644);
  EXPECT_EQ(ModeText(entry), "-rw-r-Sr--");
}

TEST(FileText, ANameIsOneLineAndJsonHasAllOfIt) {
  v1::FileEntry entry;
  entry.set_type(v1::FileEntry::SYMLINK);
  entry.set_path("/tmp/\xff\n");
  entry.set_symlink_target("\x1b[0m");
  EXPECT_EQ(LongCells(entry, "\xff\n").back(), "\\xff\\n -> \\x1b[0m");
  nlohmann::ordered_json object = EntryObject(entry);
  EXPECT_EQ(object["path_base64"], "L3RtcC//Cg==");
  EXPECT_EQ(object["symlink_target"], "\x1b[0m");
  EXPECT_FALSE(object.contains("symlink_target_base64"));
}

TEST(FileText, JsonSaysWhatIsNotThere) {
  v1::FileEntry entry;
  entry.set_type(v1::FileEntry::DIRECTORY);
  entry.set_path("/tmp/d");
  nlohmann::ordered_json object = EntryObject(entry);
  EXPECT_FALSE(object.contains("not_listed"));
  EXPECT_FALSE(object.contains("attributes_cut"));
  entry.set_not_listed(true);
  entry.set_attributes_cut(true);
  object = EntryObject(entry);
  EXPECT_EQ(object["not_listed"], true);
  EXPECT_EQ(object["attributes_cut"], true);
}

class NewFileTest : public ::testing::Test {
 protected:
  NewFileTest() {
    char name[] = "/tmp/warren-new-file-XXXXXX";
    directory_ = ::mkdtemp(name);
    fd_ = UniqueFd(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~NewFileTest() override { fs::remove_all(directory_); }

  std::string Content(const std::string& name) const {
    std::ifstream file(directory_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t Count() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
  UniqueFd fd_;
};

TEST_F(NewFileTest, IsThereWholeOrNotAtAll) {
  std::ofstream(directory_ / "a") << "old";
  {
    auto file = NewFile::Create(fd_.get(), "a", 0640);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Write("ne").ok());
    EXPECT_EQ(Content("a"), "old");
  }
  EXPECT_EQ(Content("a"), "old");
  EXPECT_EQ(Count(), 1U);
  auto file = NewFile::Create(fd_.get(), "a", 0640);
  ASSERT_TRUE((*file)->Write("new").ok());
  ASSERT_TRUE((*file)->Commit().ok());
  file->reset();
  EXPECT_EQ(Content("a"), "new");
  EXPECT_EQ(Count(), 1U);
  struct stat status {};
  ASSERT_EQ(::stat((directory_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137U, 0U);
}

TEST_F(NewFileTest, ReplacesALinkAndFollowsNone) {
  std::ofstream(directory_ / "victim") << "mine";
  fs::create_symlink("victim", directory_ / "link");
  auto file = NewFile::Create(fd_.get(), "link", 0644);
  ASSERT_TRUE((*file)->Write("theirs").ok());
  ASSERT_TRUE((*file)->Commit().ok());
  EXPECT_EQ(Content("victim"), "mine");
  EXPECT_EQ(Content("link"), "theirs");
}

TEST_F(NewFileTest, DirectoriesAreEnteredThroughNoLink) {
  ASSERT_TRUE(MakeAndOpenDirectory(fd_.get(), "d", 0500).ok());
  ASSERT_TRUE(MakeAndOpenDirectory(fd_.get(), "d", 0755).ok()) << "one that is there";
  fs::create_directory_symlink("/etc", directory_ / "out");
  EXPECT_FALSE(MakeAndOpenDirectory(fd_.get(), "out", 0755).ok());
  EXPECT_TRUE(OpenBelow(fd_.get(), "d").ok());
  EXPECT_TRUE(OpenBelow(fd_.get(), "").ok());
  EXPECT_FALSE(OpenBelow(fd_.get(), "out").ok());
  EXPECT_FALSE(OpenBelow(fd_.get(), "d/nothing").ok());
}

}  // namespace
}  // namespace warren
