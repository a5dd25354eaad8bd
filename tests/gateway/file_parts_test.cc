#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/envd/basic_user.h"
#include "supervisor/gateway/envd/byte_range.h"
#include "supervisor/gateway/envd/entry_info.h"
#include "supervisor/gateway/envd/file_transfer_download.h"
#include "supervisor/gateway/envd/filesystem_path.h"
#include "supervisor/gateway/envd/filesystem_watch.h"
#include "supervisor/gateway/envd/signature.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Basic(absl::string_view user) {
  return absl::StrCat("Basic ", absl::Base64Escape(user));
}

// ---- Users ------------------------------------------------------------------------------------

TEST(BasicUserTest, TakesThoseThatASandboxHas) {
  EXPECT_EQ(*BasicUser(""), "");
  EXPECT_EQ(*BasicUser("Bearer x"), "");
  EXPECT_EQ(*BasicUser(Basic("user:")), "user");
  EXPECT_EQ(*BasicUser(Basic("root:whatever")), "root");
  EXPECT_EQ(*BasicUser("basic " + absl::Base64Escape("root")), "root");
}

TEST(BasicUserTest, RefusesOthersByName) {
  const absl::Status refused = BasicUser(Basic("mallory:")).status();
  EXPECT_TRUE(absl::IsUnauthenticated(refused));
  EXPECT_EQ(refused.message(), "invalid username: 'mallory'");
  EXPECT_TRUE(absl::IsUnauthenticated(BasicUser("Basic ***").status()));
  EXPECT_TRUE(absl::IsUnauthenticated(BasicUser(Basic("root\n:")).status()));
}

// ---- Paths ------------------------------------------------------------------------------------

TEST(FilesystemPathTest, ResolvesAgainstTheUsersHome) {
  EXPECT_EQ(*EnvdPath("", ""), "/home/user");
  EXPECT_EQ(*EnvdPath("~", "user"), "/home/user");
  EXPECT_EQ(*EnvdPath("a/b", ""), "/home/user/a/b");
  EXPECT_EQ(*EnvdPath("~/a", "root"), "/root/a");
  EXPECT_EQ(*EnvdPath("a", "root"), "/root/a");
  // It ends at the sandbox's root, as its kernel would have it.
  EXPECT_EQ(*EnvdPath("../../../etc/passwd", ""), "/etc/passwd");
  // Absolute ones are the kernel's to resolve.
  EXPECT_EQ(*EnvdPath("/a/../b", ""), "/a/../b");
  EXPECT_TRUE(absl::IsInvalidArgument(EnvdPath("~root/x", "").status()));
}

TEST(FilesystemPathTest, TakesPathsApart) {
  EXPECT_EQ(PathName("/a/b/"), "b");
  EXPECT_EQ(PathName("/"), "/");
  EXPECT_EQ(PathParent("/a/b/"), "/a");
  EXPECT_EQ(PathParent("/a"), "/");
  EXPECT_EQ(PathBeside("/a/link", "../x"), "/a/../x");
  EXPECT_EQ(PathBeside("/link", "x"), "/x");
  EXPECT_EQ(PathBeside("/a/link", "/x"), "/x");
  EXPECT_EQ(CleanPath("//a/./b/../c/"), "/a/c");
}

// ---- Ranges -----------------------------------------------------------------------------------

void ExpectRange(absl::string_view header, uint64_t size, ByteRange::Kind kind, uint64_t first,
                 uint64_t length) {
  const ByteRange range = ParseByteRange(header, size);
  EXPECT_EQ(range.kind, kind) << header;
  EXPECT_EQ(range.first, first) << header;
  EXPECT_EQ(range.length, length) << header;
}

TEST(ByteRangeTest, ReadsOneRange) {
  ExpectRange("bytes=0-3", 10, ByteRange::Kind::kPart, 0, 4);
  ExpectRange("bytes=4-", 10, ByteRange::Kind::kPart, 4, 6);
  ExpectRange("bytes=-3", 10, ByteRange::Kind::kPart, 7, 3);
  ExpectRange("bytes=-30", 10, ByteRange::Kind::kPart, 0, 10);
  ExpectRange("bytes=9-99999999999999999999999", 10, ByteRange::Kind::kPart, 9, 1);
  ExpectRange("bytes=5-5", 10, ByteRange::Kind::kPart, 5, 1);
}

TEST(ByteRangeTest, RefusesWhatIsNoneOfIt) {
  for (const char* header :
       {"bytes=10-", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=", "bytes=a-b", "bytes=+1-2",
        "bytes=1-2-3", "bytes=-1-2", "bytes=1", "bytes=1 - 2", "bytes=99999999999999999999999-"})
    ExpectRange(header, 10, ByteRange::Kind::kNone, 0, 0);
}

TEST(ByteRangeTest, IsTheWholeWhereHttpLetsIt) {
  ExpectRange("lines=1-2", 10, ByteRange::Kind::kWhole, 0, 10);
  ExpectRange("bytes=0-1,3-4", 10, ByteRange::Kind::kWhole, 0, 10);
  ExpectRange("bytes=0-", 0, ByteRange::Kind::kWhole, 0, 0);
}

// ---- Signatures -------------------------------------------------------------------------------

FileQuery QueryOf(absl::string_view target) { return *ParseFileQuery(*ParseTarget(target)); }

TEST(SignatureTest, IsWhatTheSdksMake) {
  // SHA-256 and Base64 by another implementation.
  const FileQuery query = QueryOf("/files?path=%2Fhome%2Fuser%2Fa.txt&username=user");
  EXPECT_EQ(SignatureOf(query, SignedDeed::kRead, "t0ken"),
            "v1_G/fu+AAtoZBLlI3DSA8qFil1QWl4r12iAwchZ3xOWyE");
  const FileQuery expiring =
      QueryOf("/files?path=%2Fhome%2Fuser%2Fa.txt&signature_expiration=1700000000");
  EXPECT_EQ(SignatureOf(expiring, SignedDeed::kWrite, "t0ken"),
            "v1_mGSKve0/T3NutbfVy3OLI9RsZi0VBdJ/RGHFk2m05yw");
}

TEST(SignatureTest, IsOfOneDeedPathUserAndTime) {
  FileQuery query = QueryOf("/files?path=a&username=user&signature_expiration=5");
  query.signature = SignatureOf(query, SignedDeed::kRead, "token");
  EXPECT_TRUE(HasSignature(query, SignedDeed::kRead, "token"));
  EXPECT_FALSE(HasSignature(query, SignedDeed::kWrite, "token"));
  EXPECT_FALSE(HasSignature(query, SignedDeed::kRead, "token2"));
  FileQuery other = query;
  other.path = "b";
  EXPECT_FALSE(HasSignature(other, SignedDeed::kRead, "token"));
  other = query;
  other.user = "root";
  EXPECT_FALSE(HasSignature(other, SignedDeed::kRead, "token"));
  other = query;
  other.expires = 6;
  EXPECT_FALSE(HasSignature(other, SignedDeed::kRead, "token"));
  other = query;
  other.signature->pop_back();
  EXPECT_FALSE(HasSignature(other, SignedDeed::kRead, "token"));
  other.signature.reset();
  EXPECT_FALSE(HasSignature(other, SignedDeed::kRead, "token"));
}

TEST(SignatureTest, HasItsTime) {
  const FileQuery query = QueryOf("/files?path=a&signature_expiration=100");
  EXPECT_TRUE(CheckExpiration(query, absl::FromUnixSeconds(100)).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(CheckExpiration(query, absl::FromUnixSeconds(101))));
  EXPECT_TRUE(CheckExpiration(QueryOf("/files?path=a"), absl::Now()).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      ParseFileQuery(*ParseTarget("/files?signature_expiration=soon")).status()));
}

// ---- Entries ----------------------------------------------------------------------------------

TEST(EntryInfoTest, PrintsModesAsGoDoes) {
  EXPECT_EQ(GoFileMode(v1::FileEntry::REGULAR, 0644), "-rw-r--r--");
  EXPECT_EQ(GoFileMode(v1::FileEntry::DIRECTORY, 0755), "drwxr-xr-x");
  EXPECT_EQ(GoFileMode(v1::FileEntry::DIRECTORY, 01777), "dtrwxrwxrwx");
  EXPECT_EQ(GoFileMode(v1::FileEntry::SYMLINK, 0777), "Lrwxrwxrwx");
  EXPECT_EQ(GoFileMode(v1::FileEntry::REGULAR, 04755), "urwxr-xr-x");
  EXPECT_EQ(GoFileMode(v1::FileEntry::REGULAR, 02000), "g---------");
}

TEST(EntryInfoTest, TellsWhatJsonCanCarry) {
  v1::FileEntry entry;
  entry.set_path("/home/user/\xff.txt");
  entry.set_type(v1::FileEntry::REGULAR);
  entry.set_mode(04755);
  (*entry.mutable_attributes())["user.e2b.key"] = "va\xfelue";
  (*entry.mutable_attributes())["user.other"] = "x";
  (*entry.mutable_attributes())["user.e2b."] = "x";
  const e2b::EntryInfo info = ToEntryInfo(entry);
  EXPECT_EQ(info.name(), "\xEF\xBF\xBD.txt");
  EXPECT_EQ(info.mode(), 0755u);
  ASSERT_EQ(info.metadata().size(), 1u);
  EXPECT_EQ(info.metadata().at("key"), "va\xEF\xBF\xBDlue");
  EXPECT_FALSE(info.has_symlink_target());
}

// ---- Events -----------------------------------------------------------------------------------

std::vector<std::string> TextsOf(v1::FileEvent::Kind kind, const std::string& path,
                                 const std::string& destination, absl::string_view directory) {
  v1::FileEvent event;
  event.set_kind(kind);
  event.set_path(path);
  event.set_destination(destination);
  std::vector<std::string> texts;
  for (const WatchedEvent& watched : ToFilesystemEvents(event, directory)) {
    texts.push_back(absl::StrCat(e2b::EventType_Name(watched.event.type()).substr(11), " ",
                                 watched.event.name(), " ", watched.path));
  }
  return texts;
}

TEST(FilesystemEventTest, IsRelativeToWhatIsWatched) {
  EXPECT_THAT(TextsOf(v1::FileEvent::CREATED, "/w/a/b", "", "/w"),
              ElementsAre("CREATE a/b /w/a/b"));
  EXPECT_THAT(TextsOf(v1::FileEvent::WRITTEN, "/w/a", "", "/w"), ElementsAre("WRITE a /w/a"));
  EXPECT_THAT(TextsOf(v1::FileEvent::REMOVED, "/w", "", "/w"), ElementsAre("REMOVE . /w"));
  EXPECT_THAT(TextsOf(v1::FileEvent::ATTRIBUTES, "/a", "", "/"), ElementsAre("CHMOD a /a"));
  EXPECT_THAT(TextsOf(v1::FileEvent::RENAMED, "/w/a", "/w/b", "/w"),
              ElementsAre("RENAME a /w/a", "CREATE b /w/b"));
  EXPECT_THAT(TextsOf(v1::FileEvent::OVERFLOW, "/w", "", "/w"), ElementsAre());
}

// ---- Downloads' headers -----------------------------------------------------------------------

TEST(FileTransferTest, NamesEndNoHeader) {
  EXPECT_EQ(ContentDisposition("/home/user/a b.txt"), "inline; filename=\"a b.txt\"");
  const std::string injected = ContentDisposition("/a/x\r\nSet-Cookie: y\"\\z");
  EXPECT_EQ(injected,
            "inline; filename=\"x__Set-Cookie: y__z\"; "
            "filename*=UTF-8''x%0D%0ASet-Cookie%3A%20y%22%5Cz");
  EXPECT_THAT(ContentDisposition("/\xC3\xA9.txt"), HasSubstr("filename=\"__.txt\"; filename*="));
}

TEST(FileTransferTest, PacksForThoseWhoWantNothingElse) {
  EXPECT_TRUE(WantsGzip("gzip"));
  EXPECT_TRUE(WantsGzip("GZIP, identity;q=0.5"));
  EXPECT_TRUE(WantsGzip("gzip;q=1.0"));
  for (const char* others :
       {"", "identity", "gzip, deflate", "br, gzip, deflate", "*", "gzip;q=0", "x-gzip", "deflate"})
    EXPECT_FALSE(WantsGzip(others)) << others;
}

}  // namespace
}  // namespace warren
