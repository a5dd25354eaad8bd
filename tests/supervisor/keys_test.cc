// API keys: the file, and who is let in by it.
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/keys/key.h"
#include "supervisor/keys/key_file.h"
#include "supervisor/keys/key_store.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kWrongKey[] = "e2b_0123456789abcdef0123456789abcdef01234567";

class KeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "warren-keys-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return (directory_ / "keys.db").string(); }
  // By a connection of its own, as `warren keys` does it.
  KeyFile::Made Create(const std::string& tenant, const std::string& label = "") {
    auto file = KeyFile::OpenOrMake(path());
    EXPECT_TRUE(file.ok()) << file.status();
    auto made = file->Create(tenant, label);
    EXPECT_TRUE(made.ok()) << made.status();
    return *made;
  }
  void Revoke(const std::string& id) {
    auto file = KeyFile::Open(path());
    ASSERT_TRUE(file.ok()) << file.status();
    auto revoked = file->Revoke(id);
    ASSERT_TRUE(revoked.ok()) << revoked.status();
  }
  void Sql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(::sqlite3_open(path().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << ::sqlite3_errmsg(database);
    ::sqlite3_close(database);
  }
  std::string Content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& content) const {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << content;
  }
  static bool LetsIn(KeyStore& store, const std::string& key, const std::string& tenant) {
    auto who = store.Authenticate(key);
    return who.ok() && who->tenant == tenant;
  }
  static bool Refuses(KeyStore& store, const std::string& key) {
    return absl::IsUnauthenticated(store.Authenticate(key).status());
  }

  std::filesystem::path directory_;
};

TEST_F(KeysTest, AKeyIsWhatE2bsClientsDemandAndNoTwoAreTheSame) {
  const auto one = NewKey();
  const auto other = NewKey();
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_THAT(*one, MatchesRegex("e2b_[0-9a-f]+"));
  EXPECT_EQ(one->size(), 44u);
  EXPECT_TRUE(IsKey(*one));
  EXPECT_NE(*one, *other);
  EXPECT_EQ(IdOf(*one), one->substr(4, 8));
  for (const std::string& text :
       {std::string(), std::string("e2b_"), one->substr(1), *one + "0", "E2B_" + one->substr(4),
        one->substr(0, 43) + "g", one->substr(0, 43) + "A", std::string(44, '\0')}) {
    EXPECT_FALSE(IsKey(text)) << text;
  }
}

TEST_F(KeysTest, TenantsAreNamesOfHosts) {
  for (const char* name : {"a", "0", "acme", "acme-2", "a-"}) EXPECT_TRUE(IsTenant(name)) << name;
  EXPECT_TRUE(IsTenant(std::string(63, 'a')));
  EXPECT_FALSE(IsTenant(std::string(64, 'a')));
  for (const char* name : {"", "-a", "A", "a_b", "a/b", "a b", "a\n", "ä"})
    EXPECT_FALSE(IsTenant(name)) << name;
}

TEST_F(KeysTest, AKeyStandsForItsTenant) {
  const auto acme = Create("acme", "ci");
  const auto zeta = Create("zeta");
  KeyStore store(path());
  // Anew, and as it is kept.
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(LetsIn(store, acme.key, "acme"));
    EXPECT_TRUE(LetsIn(store, zeta.key, "zeta"));
  }
  auto keys = KeyFile::Open(path())->List();
  ASSERT_EQ(keys->size(), 2u);
  auto listed = std::find_if(keys->begin(), keys->end(),
                             [&](const KeyInfo& key) { return key.id == acme.info.id; });
  ASSERT_NE(listed, keys->end());
  EXPECT_EQ(listed->tenant, "acme");
  EXPECT_EQ(listed->label, "ci");
  EXPECT_FALSE(listed->revoked_at.has_value());
}

TEST_F(KeysTest, WhatIsNoKeyIsRefused) {
  const auto made = Create("acme");
  KeyStore store(path());
  std::string other = made.key;
  other.back() = other.back() == '0' ? '1' : '0';
  for (const std::string& key :
       {std::string(), std::string(kWrongKey), other, made.info.id, "Bearer " + made.key,
        made.key + " ", made.key.substr(0, 43), std::string(1 << 20, 'a')}) {
    EXPECT_TRUE(Refuses(store, key)) << key.substr(0, 60);
    // The refusal says nothing of it.
    EXPECT_THAT(std::string(store.Authenticate(key).status().message()), Not(HasSubstr("acme")));
  }
  EXPECT_TRUE(LetsIn(store, made.key, "acme"));
}

TEST_F(KeysTest, TheFileHasTheHashAndNeverTheKey) {
  const auto made = Create("acme");
  const std::string content = Content();
  EXPECT_THAT(content, HasSubstr(Sha256OfKey(made.key)));
  EXPECT_THAT(content, Not(HasSubstr(made.key)));
  // Of its secret digits, not a half.
  EXPECT_THAT(content, Not(HasSubstr(made.key.substr(12, 16))));
  for (const auto& file : std::filesystem::directory_iterator(directory_))
    EXPECT_EQ(file.path().filename(), "keys.db");
}

TEST_F(KeysTest, ARevokedKeyFailsWithTheNextCall) {
  const auto one = Create("acme");
  const auto other = Create("acme");
  KeyStore store(path());
  ASSERT_TRUE(LetsIn(store, one.key, "acme"));
  Revoke(one.info.id);
  EXPECT_TRUE(Refuses(store, one.key));
  EXPECT_TRUE(LetsIn(store, other.key, "acme"));
  auto file = KeyFile::Open(path());
  const auto first = file->Revoke(one.info.id)->revoked_at;
  EXPECT_EQ(file->Revoke(one.info.id)->revoked_at, first);
  EXPECT_TRUE(absl::IsNotFound(file->Revoke("00000000").status()));
  // A whole key is not repeated.
  absl::Status refused = file->Revoke(other.key).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr(other.key)));
}

TEST_F(KeysTest, AKeyCountsAsSoonAsItIsMadeTheFirstOneToo) {
  KeyStore store(path());
  EXPECT_TRUE(store.Empty());
  EXPECT_FALSE(store.Demanded());
  EXPECT_TRUE(Refuses(store, kWrongKey));
  const auto first = Create("acme");
  EXPECT_TRUE(LetsIn(store, first.key, "acme"));
  EXPECT_FALSE(store.Empty());
  EXPECT_TRUE(store.Demanded());
  const auto second = Create("zeta");
  EXPECT_TRUE(LetsIn(store, second.key, "zeta"));
}

// Neither opens the door to everybody.
TEST_F(KeysTest, KeysStayDemandedWhenTheLastIsRevokedOrTheFileIsLost) {
  const auto made = Create("acme");
  KeyStore store(path());
  EXPECT_FALSE(store.Empty());
  Revoke(made.info.id);
  EXPECT_TRUE(store.Empty());
  EXPECT_TRUE(store.Demanded());
  // Also to a server that starts then.
  EXPECT_TRUE(KeyStore(path()).Demanded());
  std::filesystem::remove(path());
  EXPECT_TRUE(store.Demanded());
  EXPECT_TRUE(Refuses(store, made.key));
}

TEST_F(KeysTest, AnotherFileInItsPlaceIsSeen) {
  const auto old = Create("acme");
  const std::string before = Content();
  KeyStore store(path());
  ASSERT_TRUE(LetsIn(store, old.key, "acme"));
  std::filesystem::remove(path());
  EXPECT_TRUE(Refuses(store, old.key));
  const auto fresh = Create("zeta");
  EXPECT_TRUE(LetsIn(store, fresh.key, "zeta"));
  EXPECT_TRUE(Refuses(store, old.key));
  // Written over, as a copy does it, with SQLite's own counter the same.
  Write(before);
  EXPECT_TRUE(LetsIn(store, old.key, "acme"));
  EXPECT_TRUE(Refuses(store, fresh.key));
}

TEST_F(KeysTest, ABrokenFileLetsNobodyIn) {
  const auto made = Create("acme");
  const std::string good = Content();
  KeyStore store(path());
  ASSERT_TRUE(LetsIn(store, made.key, "acme"));
  for (const std::string& bad :
       {std::string("no database"), std::string(8192, 'x'), good.substr(0, 1000)}) {
    Write(bad);
    EXPECT_TRUE(Refuses(store, made.key));
    EXPECT_FALSE(store.Empty());
    EXPECT_TRUE(store.Demanded());
    EXPECT_FALSE(store.Check().ok());
    // Also of a server that has never seen another.
    EXPECT_TRUE(KeyStore(path()).Demanded());
    EXPECT_FALSE(KeyFile::Open(path()).ok());
  }
  Write(good);
  EXPECT_TRUE(LetsIn(store, made.key, "acme"));
}

TEST_F(KeysTest, ADatabaseOfSomethingElseIsNoFileOfKeys) {
  Sql("CREATE TABLE other (x)");
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_TRUE(KeyStore(path()).Demanded());
  EXPECT_THAT(std::string(KeyStore(path()).Check().message()), HasSubstr("no file of keys"));
  EXPECT_THAT(std::string(KeyFile::OpenOrMake(path()).status().message()),
              HasSubstr("no file of keys"));
}

// An empty tenant is the operator.
TEST_F(KeysTest, ARowThatNamesNoTenantLetsNobodyIn) {
  const auto made = Create("acme");
  KeyStore store(path());
  for (const char* change : {"tenant = ''", "tenant = 'A B'", "sha256 = x'00'"}) {
    Sql(absl::StrCat("UPDATE keys SET ", change));
    EXPECT_TRUE(Refuses(store, made.key)) << change;
  }
}

TEST_F(KeysTest, AFileThatOthersCanWriteIsNotTrusted) {
  const auto made = Create("acme");
  KeyStore store(path());
  ASSERT_EQ(::chmod(path().c_str(), 0660), 0);
  EXPECT_TRUE(Refuses(store, made.key));
  EXPECT_FALSE(ShareKeyFile(path(), ::getegid()).ok());
  EXPECT_THAT(std::string(store.Check().message()), HasSubstr("chmod 0640"));
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_TRUE(LetsIn(store, made.key, "acme"));
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  EXPECT_TRUE(store.Demanded());
}

TEST_F(KeysTest, TheServersFileIsMadeForItsGroup) {
  const std::string below = (directory_ / "a" / "keys.db").string();
  const mode_t umask = ::umask(0077);
  ASSERT_TRUE(ShareKeyFile(below, ::getegid()).ok());
  ::umask(umask);
  struct stat info;
  ASSERT_EQ(::stat(below.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_EQ(info.st_gid, ::getegid());
  KeyStore store(below);
  EXPECT_TRUE(store.Check().ok());
  EXPECT_TRUE(store.Empty());
  EXPECT_FALSE(store.Demanded());
  // What is there stays, and a mode that shuts the server out is put right.
  auto made = KeyFile::OpenOrMake(below)->Create("acme", "");
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(::chmod(below.c_str(), 0600), 0);
  ASSERT_TRUE(ShareKeyFile(below, ::getegid()).ok());
  ASSERT_EQ(::stat(below.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_TRUE(LetsIn(store, made->key, "acme"));
}

TEST_F(KeysTest, RefusesTenantsAndLabelsThatAreNone) {
  auto file = KeyFile::OpenOrMake(path());
  ASSERT_TRUE(file.ok());
  for (const char* tenant : {"", "A", "-a", "a/b"})
    EXPECT_TRUE(absl::IsInvalidArgument(file->Create(tenant, "").status())) << tenant;
  for (const std::string& label :
       {std::string(201, 'x'), std::string("a\nb"), std::string("\xff"), std::string("a\x1b[2J")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(file->Create("a", label).status())) << label;
  }
  EXPECT_TRUE(file->Create("a", std::string(200, 'x')).ok());
  EXPECT_EQ(file->List()->size(), 1u);
}

TEST_F(KeysTest, AFileThatIsNotThereIsNotMadeByReading) {
  EXPECT_TRUE(absl::IsNotFound(KeyFile::Open(path()).status()));
  KeyStore store(path());
  EXPECT_TRUE(store.Check().ok());
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(KeysTest, ManyThreadsAskWhileKeysComeAndGo) {
  const auto kept = Create("kept");
  KeyStore store(path());
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!over) {
        if (!LetsIn(store, kept.key, "kept") || !Refuses(store, kWrongKey) || !store.Demanded())
          ++wrong;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto made = Create("other");
    EXPECT_TRUE(LetsIn(store, made.key, "other"));
    Revoke(made.info.id);
    EXPECT_TRUE(Refuses(store, made.key));
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// As one that died in the middle of a commit leaves it: what is there is not known.
TEST_F(KeysTest, AHalfWrittenChangeLetsNobodyInUntilAWriterHasSeenToIt) {
  const auto made = Create("acme");
  sqlite3* database = nullptr;
  ASSERT_EQ(::sqlite3_open(path().c_str(), &database), SQLITE_OK);
  // With a cache of one page the change is written before it is committed.
  ASSERT_EQ(::sqlite3_exec(database,
                           "PRAGMA cache_size=1; BEGIN; UPDATE keys SET revoked_at = NULL; "
                           "CREATE TABLE filler (x); INSERT INTO filler VALUES "
                           "(zeroblob(200000));",
                           nullptr, nullptr, nullptr),
            SQLITE_OK);
  const std::string journal = path() + "-journal";
  ASSERT_TRUE(std::filesystem::exists(journal));
  std::filesystem::copy_file(path(), directory_ / "torn.db");
  std::filesystem::copy_file(journal, directory_ / "torn.db-journal");
  ::sqlite3_close(database);
  const std::string torn = (directory_ / "torn.db").string();
  ASSERT_EQ(::chmod(torn.c_str(), 0640), 0);
  KeyStore store(torn);
  EXPECT_TRUE(store.Demanded());
  EXPECT_TRUE(Refuses(store, made.key));
  ASSERT_TRUE(KeyFile::Open(torn).ok());
  EXPECT_TRUE(LetsIn(store, made.key, "acme"));
}

}  // namespace
}  // namespace warren
