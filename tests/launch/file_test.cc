// Files of a sandbox through its agent, on the real kernel. Needs root.

#include <errno.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "runtime/control/agent_stream.h"
#include "tests/launch/agent_files.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using internal::StreamEnd;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string Sha256Of(const std::string& bytes) {
  unsigned char digest[32];
  unsigned int size = 0;
  EXPECT_EQ(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr), 1);
  return std::string(reinterpret_cast<char*>(digest), size);
}

std::string Many(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 12345;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

class FileTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    static int count = 0;
    id_ = absl::StrCat("files", ++count);
    Launch([](v1::Limits&) {});
  }
  void TearDown() override {
    if (shared_->GroupExists(id_)) shared_->Destroy(id_);
    EXPECT_FALSE(shared_->GroupExists(id_));
  }
  void Launch(const std::function<void(v1::Limits&)>& change) {
    if (shared_->GroupExists(id_)) {
      shared_->Destroy(id_);
      id_ += "x";
    }
    context_ = shared_->Launch(shared_->Spec(id_, change), zygote_);
    ASSERT_TRUE(context_.launched()) << context_.reply.message();
    StartAgent();
  }
  void StartAgent() {
    LauncherMessage reply =
        shared_->WaitForReply(shared_->RequestProcess(id_, internal::StartProcess::AGENT));
    ASSERT_EQ(reply.fds.size(), 2u) << reply.reply.message();
    agent_ = reply.reply.process_started().process_id();
    files_.emplace(std::move(reply.fds[0]), std::move(reply.fds[1]));
  }
  // As user code.
  std::string Python(const std::string& code) { return shared_->Output(context_, code); }
  pid_t AgentPid() const {
    const std::vector<pid_t> pids = shared_->PidsInFreezer(absl::StrCat(id_, "/p", agent_));
    EXPECT_EQ(pids.size(), 1u);
    return pids.empty() ? -1 : pids[0];
  }
  std::string NamesIn(const std::string& directory) {
    return Python("import os; print(sorted(os.listdir('" + directory + "')))");
  }
  // The agent still does its work.
  void ExpectOn() {
    EXPECT_TRUE(files_->Write("/tmp/on", "on").ok());
    EXPECT_EQ(files_->Read("/tmp/on").data, "on");
  }

  std::string id_;
  RunningSandbox context_;
  uint64_t agent_ = 0;
  std::optional<AgentFiles> files_;
};

// ---- What each does ---------------------------------------------------------------------------

TEST_F(FileTest, WritesAndReads) {
  const std::string bytes = Many(3 << 20);
  FileOutcome written = files_->Write("/home/user/a/b/data", bytes);
  ASSERT_TRUE(written.ok()) << written.end.detail() << " " << written.end.error();
  EXPECT_EQ(written.end.size(), bytes.size());
  EXPECT_EQ(written.end.sha256(), Sha256Of(bytes));
  EXPECT_EQ(written.end.file().path(), "/home/user/a/b/data");
  EXPECT_EQ(written.end.file().mode(), S_IFREG | 0644u);
  EXPECT_EQ(written.end.file().uid(), 1000u);
  EXPECT_EQ(written.end.file().owner(), "user");
  FileOutcome read = files_->Read("/home/user/a/b/data");
  ASSERT_TRUE(read.ok()) << read.end.detail();
  ASSERT_EQ(read.entries.size(), 1u);
  EXPECT_EQ(read.entries[0].size(), bytes.size());
  EXPECT_TRUE(read.data == bytes);
  EXPECT_EQ(read.end.sha256(), Sha256Of(bytes));
  EXPECT_EQ(Python("import os, hashlib\n"
                   "print(oct(os.stat('/home/user/a').st_mode), os.listdir('/home/user/a/b'),\n"
                   "      hashlib.sha256(open('/home/user/a/b/data', 'rb').read()).hexdigest())"),
            absl::StrCat("0o40755 ['data'] ", absl::BytesToHexString(Sha256Of(bytes)), "\n"));
}

TEST_F(FileTest, AnEmptyFile) {
  EXPECT_TRUE(files_->Write("/tmp/empty", "").ok());
  FileOutcome read = files_->Read("/tmp/empty");
  EXPECT_TRUE(read.ok());
  EXPECT_EQ(read.data, "");
  EXPECT_EQ(read.end.sha256(), Sha256Of(""));
}

TEST_F(FileTest, ReadsRanges) {
  ASSERT_TRUE(files_->Write("/tmp/ten", "0123456789").ok());
  auto range = [&](uint64_t offset, std::optional<uint64_t> length) {
    internal::FileCall call;
    call.mutable_read()->set_path("/tmp/ten");
    call.mutable_read()->set_offset(offset);
    if (length) call.mutable_read()->set_length(*length);
    return files_->Finish(files_->Begin(call));
  };
  EXPECT_EQ(range(3, 4).data, "3456");
  EXPECT_EQ(range(8, 100).data, "89");
  EXPECT_EQ(range(8, UINT64_MAX).data, "89");
  EXPECT_EQ(range(0, 0).data, "");
  EXPECT_EQ(range(4, std::nullopt).data, "456789");
  EXPECT_TRUE(range(10, std::nullopt).ok());
  EXPECT_EQ(range(11, std::nullopt).end.outcome(), StreamEnd::OUT_OF_RANGE);
}

TEST_F(FileTest, WritesAsAsked) {
  using Call = internal::WriteFileCall;
  ASSERT_TRUE(files_->Write("/tmp/f", "one", [](Call& call) { call.set_mode(0750); }).ok());
  EXPECT_EQ(files_->Stat("/tmp/f").end.file().mode(), S_IFREG | 0750u);
  // The mode stays where none is asked for.
  ASSERT_TRUE(files_->Write("/tmp/f", "two").ok());
  EXPECT_EQ(files_->Stat("/tmp/f").end.file().mode(), S_IFREG | 0750u);
  auto append = [](Call& call) { call.set_append(true); };
  EXPECT_TRUE(files_->Write("/tmp/f", "three", append).ok());
  EXPECT_EQ(files_->Read("/tmp/f").data, "twothree");
  EXPECT_TRUE(files_->Write("/tmp/new", "new", append).ok());
  EXPECT_EQ(files_->Read("/tmp/new").data, "new");
  auto at = [](uint64_t offset) { return [=](Call& call) { call.set_offset(offset); }; };
  EXPECT_TRUE(files_->Write("/tmp/f", "TH", at(3)).ok());
  EXPECT_EQ(files_->Read("/tmp/f").data, "twoTHree");
  EXPECT_TRUE(files_->Write("/tmp/f", "", at(1)).ok());
  EXPECT_EQ(files_->Read("/tmp/f").data, "twoTHree") << "nothing is cut off";
  EXPECT_TRUE(files_->Write("/tmp/new", "!", at(5)).ok());
  EXPECT_EQ(files_->Read("/tmp/new").data, std::string("new\0\0!", 6));
  EXPECT_TRUE(files_->Write("/tmp/made", "!", at(2)).ok());
  EXPECT_EQ(files_->Read("/tmp/made").data, std::string("\0\0!", 3));
  EXPECT_EQ(files_->Write("/tmp/made", "!", at(INT64_MAX)).end.error(), EFBIG);
  EXPECT_EQ(files_->Read("/tmp/made").data, std::string("\0\0!", 3));
  EXPECT_TRUE(files_->Write("/tmp/made", "!", at(uint64_t{1} << 50)).ok());
  EXPECT_EQ(files_->Stat("/tmp/made").end.file().size(), (uint64_t{1} << 50) + 1);
  ASSERT_TRUE(files_->Remove("/tmp/made").ok());
  auto exclusive = [](Call& call) { call.set_exclusive(true); };
  EXPECT_EQ(files_->Write("/tmp/f", "four", exclusive).end.error(), EEXIST);
  EXPECT_TRUE(files_->Write("/tmp/exclusive", "four", exclusive).ok());
  auto no_parents = [](Call& call) { call.set_no_parents(true); };
  EXPECT_EQ(files_->Write("/tmp/none/f", "five", no_parents).end.error(), ENOENT);
  EXPECT_EQ(NamesIn("/tmp"), "['exclusive', 'f', 'new']\n");
}

TEST_F(FileTest, AnExclusiveWriteLosesToWhoCameFirst) {
  const uint64_t stream =
      files_->BeginWrite("/tmp/f", [](internal::WriteFileCall& call) { call.set_exclusive(true); });
  files_->SendData(stream, "ours", false);
  Python("open('/tmp/f', 'w').write('theirs')");
  files_->SendData(stream, " too late", true);
  EXPECT_EQ(files_->Finish(stream).end.error(), EEXIST);
  EXPECT_EQ(NamesIn("/tmp"), "['f']\n");
  EXPECT_EQ(files_->Read("/tmp/f").data, "theirs");
}

TEST_F(FileTest, ADigestThatDiffersLeavesWhatWas) {
  ASSERT_TRUE(files_->Write("/tmp/f", "before").ok());
  auto wanted = [](internal::WriteFileCall& call) { call.set_sha256(Sha256Of("right")); };
  FileOutcome written = files_->Write("/tmp/f", "wrong", wanted);
  EXPECT_EQ(written.end.outcome(), StreamEnd::DIGEST_DIFFERS);
  EXPECT_EQ(written.end.sha256(), Sha256Of("wrong"));
  EXPECT_EQ(files_->Read("/tmp/f").data, "before");
  EXPECT_TRUE(files_->Write("/tmp/f", "right", wanted).ok());
  EXPECT_EQ(files_->Read("/tmp/f").data, "right");
  EXPECT_EQ(NamesIn("/tmp"), "['f']\n");
}

TEST_F(FileTest, ExtendedAttributes) {
  auto attribute = [](internal::WriteFileCall& call) {
    (*call.mutable_attributes())["user.e2b.purpose"] = std::string("a\0b", 3);
  };
  FileOutcome written = files_->Write("/tmp/f", "x", attribute);
  const bool kernel_has = Python(
                              "import os\nopen('/tmp/p', 'w')\n"
                              "try: os.setxattr('/tmp/p', 'user.x', b'y'); print(1)\n"
                              "except OSError: print(0)\n") == "1\n";
  if (!kernel_has) {
    EXPECT_EQ(written.end.error(), EOPNOTSUPP);
    EXPECT_THAT(written.end.detail(), HasSubstr("extended attribute"));
    EXPECT_EQ(NamesIn("/tmp"), "['p']\n");
    return;
  }
  ASSERT_TRUE(written.ok()) << written.end.detail();
  Python("import os; os.remove('/tmp/p')");
  FileOutcome listed = files_->List("/tmp");
  FileOutcome read = files_->Read("/tmp/f");
  ASSERT_EQ(listed.entries.size(), 1u);
  ASSERT_EQ(read.entries.size(), 1u);
  for (const internal::FileFacts& facts : {written.end.file(), listed.entries[0], read.entries[0]})
    EXPECT_EQ(facts.attributes_size(), 1) << facts.path();
  EXPECT_EQ(files_->Stat("/tmp/f").end.file().attributes().at("user.e2b.purpose"),
            std::string("a\0b", 3));
  EXPECT_FALSE(read.entries[0].attributes_cut());
  Python("import os\nfor i in range(70): os.setxattr('/tmp/f', f'user.{i}', b'')");
  const internal::FileFacts many = files_->Stat("/tmp/f").end.file();
  EXPECT_EQ(many.attributes_size(), 64);
  EXPECT_TRUE(many.attributes_cut());
}

TEST_F(FileTest, Stats) {
  Python(
      "import os\nopen('/tmp/f', 'w').write('12345'); os.chmod('/tmp/f', 0o640)\n"
      "os.utime('/tmp/f', ns=(5, 1234567890123456789))\n"
      "os.symlink('f', '/tmp/link'); os.symlink('nowhere', '/tmp/dangling')\n");
  internal::FileFacts facts = files_->Stat("/tmp/f").end.file();
  EXPECT_EQ(facts.path(), "/tmp/f");
  EXPECT_EQ(facts.size(), 5u);
  EXPECT_EQ(facts.mode(), S_IFREG | 0640u);
  EXPECT_EQ(facts.modified_ns(), 1234567890123456789);
  EXPECT_EQ(facts.owner(), "user");
  EXPECT_EQ(facts.group(), "user");
  facts = files_->Stat("/tmp/link").end.file();
  EXPECT_EQ(facts.mode() & S_IFMT, static_cast<uint32_t>(S_IFLNK));
  EXPECT_EQ(facts.symlink_target(), "f");
  facts = files_->Stat("/tmp/link", true).end.file();
  EXPECT_EQ(facts.mode(), S_IFREG | 0640u);
  EXPECT_EQ(facts.path(), "/tmp/link");
  EXPECT_EQ(files_->Stat("/tmp/dangling", true).end.error(), ENOENT);
  EXPECT_TRUE(files_->Stat("/tmp/dangling").ok());
  EXPECT_EQ(files_->Stat("/tmp/f/x").end.error(), ENOTDIR);
  EXPECT_EQ(files_->Stat("/").end.file().mode() & S_IFMT, static_cast<uint32_t>(S_IFDIR));
  EXPECT_EQ(files_->Stat("/etc/passwd").end.file().owner(), "root");
}

TEST_F(FileTest, ListsDirectoriesBeforeWhatIsInThem) {
  Python(
      "import os\nos.makedirs('/tmp/d/a/b/c'); open('/tmp/d/a/f', 'w'); open('/tmp/d/g', 'w')\n"
      "os.symlink('/etc', '/tmp/d/etc')");
  auto paths = [&](uint32_t depth) {
    std::vector<std::string> found;
    FileOutcome listed = files_->List("/tmp/d/", depth);
    EXPECT_TRUE(listed.ok());
    for (const internal::FileFacts& each : listed.entries) found.push_back(each.path());
    return found;
  };
  EXPECT_THAT(paths(1), UnorderedElementsAre("/tmp/d/a", "/tmp/d/g", "/tmp/d/etc"));
  EXPECT_THAT(paths(2), UnorderedElementsAre("/tmp/d/a", "/tmp/d/g", "/tmp/d/etc", "/tmp/d/a/b",
                                             "/tmp/d/a/f"));
  const std::vector<std::string> all = paths(64);
  EXPECT_EQ(all.size(), 6u);
  std::set<std::string> seen = {"/tmp/d"};
  for (const std::string& path : all) {
    EXPECT_TRUE(seen.contains(fs::path(path).parent_path())) << path;
    seen.insert(path);
  }
  EXPECT_EQ(files_->List("/tmp/d/g").end.outcome(), StreamEnd::WRONG_TYPE);
  EXPECT_EQ(files_->List("/tmp/none").end.error(), ENOENT);
}

TEST_F(FileTest, AListEndsOnceWhateverItMeets) {
  // Their names can be read, and they not be looked at.
  Python(
      "import os\nos.mkdir('/tmp/d')\nfor n in 'abc': open('/tmp/d/' + n, 'w')\n"
      "os.chmod('/tmp/d', 0o644)");
  EXPECT_EQ(files_->List("/tmp/d").end.error(), EACCES);
  EXPECT_FALSE(files_->TakeEvent(100)) << "nothing comes behind its end";
  ExpectOn();
}

TEST_F(FileTest, ListsManyWithinItsCredit) {
  const int count = InUml() ? 2000 : 30000;
  Python(
      absl::StrFormat("import os\nos.mkdir('/tmp/many')\n"
                      "for i in range(%d): os.mkdir(f'/tmp/many/entry number {i}')\n",
                      count));
  FileOutcome listed = files_->List("/tmp/many", 2);
  EXPECT_TRUE(listed.ok()) << listed.end.detail();
  std::set<std::string> names;
  for (const internal::FileFacts& each : listed.entries) names.insert(each.path());
  EXPECT_EQ(names.size(), static_cast<size_t>(count));
  EXPECT_EQ(listed.entries.size(), names.size());
  EXPECT_TRUE(files_->Remove("/tmp/many", true).ok());
  EXPECT_EQ(NamesIn("/tmp"), "[]\n");
}

TEST_F(FileTest, MakesDirectories) {
  FileOutcome made = files_->MakeDirectory("/tmp/a/b/c", 0700);
  ASSERT_TRUE(made.ok()) << made.end.detail();
  EXPECT_EQ(made.end.file().mode(), S_IFDIR | 0700u);
  EXPECT_EQ(files_->Stat("/tmp/a/b").end.file().mode(), S_IFDIR | 0755u);
  EXPECT_EQ(files_->MakeDirectory("/tmp/a/b/c").end.error(), EEXIST);
  EXPECT_EQ(files_->MakeDirectory("/tmp/a/b/c/").end.error(), EEXIST);
  ASSERT_TRUE(files_->Write("/tmp/f", "").ok());
  EXPECT_EQ(files_->MakeDirectory("/tmp/f/x").end.error(), ENOTDIR);
  EXPECT_EQ(files_->MakeDirectory("/root/x").end.error(), EACCES);
}

TEST_F(FileTest, MovesAndReplaces) {
  ASSERT_TRUE(files_->Write("/tmp/f", "f").ok());
  ASSERT_TRUE(files_->Write("/tmp/g", "g").ok());
  FileOutcome moved = files_->Move("/tmp/f", "/tmp/g");
  EXPECT_TRUE(moved.ok()) << moved.end.detail();
  EXPECT_EQ(moved.end.file().path(), "/tmp/g");
  EXPECT_EQ(files_->Read("/tmp/g").data, "f");
  EXPECT_EQ(files_->Move("/tmp/f", "/tmp/h").end.error(), ENOENT);
  EXPECT_EQ(files_->Move("/tmp/g", "/tmp/none/h").end.error(), ENOENT);
  EXPECT_THAT(files_->Move("/tmp/g", "/tmp/none/h").end.detail(), HasSubstr("destination"));
}

TEST_F(FileTest, Removes) {
  Python(
      "import os\nos.makedirs('/tmp/d/e'); open('/tmp/d/e/f', 'w'); open('/tmp/f', 'w')\n"
      "os.symlink('/tmp/f', '/tmp/d/link'); os.symlink('/tmp', '/tmp/d/up')");
  EXPECT_EQ(files_->Remove("/tmp/d").end.error(), ENOTEMPTY);
  EXPECT_TRUE(files_->Remove("/tmp/d/e/f").ok());
  EXPECT_TRUE(files_->Remove("/tmp/d/e").ok());
  EXPECT_EQ(files_->Remove("/tmp/none").end.error(), ENOENT);
  EXPECT_TRUE(files_->Remove("/tmp/d", true).ok());
  EXPECT_EQ(NamesIn("/tmp"), "['f']\n") << "links are removed, not followed";
  EXPECT_EQ(files_->Remove("/", true).end.error(), EINVAL);
  EXPECT_EQ(files_->Remove("/tmp/.", true).end.error(), EINVAL);
  EXPECT_EQ(NamesIn("/tmp"), "['f']\n");
}

TEST_F(FileTest, RemovesWhatIsDeeperThanAnyPath) {
  Python(
      "import os\nos.mkdir('/tmp/deep'); os.chdir('/tmp/deep')\n"
      "for i in range(1000): os.mkdir('directory'); os.chdir('directory')\n"
      "os.chdir('/')");
  EXPECT_TRUE(files_->Remove("/tmp/deep", true).ok());
  EXPECT_EQ(NamesIn("/tmp"), "[]\n");
}

TEST_F(FileTest, Usage) {
  internal::FileCall call;
  call.mutable_usage();
  const StreamEnd before = files_->Finish(files_->Begin(call)).end;
  EXPECT_GT(before.disk_total(), 0u);
  ASSERT_TRUE(files_->Write("/home/user/f", Many(4 << 20)).ok());
  const StreamEnd after = files_->Finish(files_->Begin(call)).end;
  EXPECT_GE(after.disk_used(), before.disk_used() + (4 << 20));
  EXPECT_EQ(after.disk_total(), before.disk_total());
}

// ---- As whom ----------------------------------------------------------------------------------

TEST_F(FileTest, EachCallIsItsUsers) {
  files_->set_user(0);
  auto secret = [](internal::WriteFileCall& call) { call.set_mode(0600); };
  ASSERT_TRUE(files_->Write("/home/user/secret", "root's", secret).ok());
  ASSERT_TRUE(files_->Write("/etc/shadow2", "root's", secret).ok());
  EXPECT_EQ(files_->Stat("/etc/shadow2").end.file().uid(), 0u);
  EXPECT_EQ(files_->Read("/etc/shadow2").data, "root's");
  ASSERT_TRUE(files_->MakeDirectory("/etc/hidden", 0700).ok());
  ASSERT_TRUE(files_->Write("/etc/hidden/f", "").ok());
  files_->set_user(1000);
  EXPECT_EQ(files_->Read("/home/user/secret").end.error(), EACCES);
  EXPECT_EQ(files_->Read("/etc/shadow2").end.error(), EACCES);
  EXPECT_EQ(files_->Write("/etc/shadow2", "user's").end.error(), EACCES);
  EXPECT_EQ(files_->Write("/home/user/secret", "user's").end.error(), EACCES)
      << "its directory is the user's, the file is not";
  EXPECT_EQ(files_
                ->Write("/home/user/secret", "user's",
                        [](internal::WriteFileCall& call) { call.set_append(true); })
                .end.error(),
            EACCES);
  EXPECT_EQ(files_->Write("/etc/new", "user's").end.error(), EACCES);
  EXPECT_EQ(files_->List("/etc/hidden").end.error(), EACCES);
  EXPECT_EQ(files_->Stat("/etc/hidden/f").end.error(), EACCES);
  EXPECT_EQ(files_->Remove("/etc/hidden", true).end.error(), EACCES);
  EXPECT_EQ(files_->Move("/etc/shadow2", "/tmp/mine").end.error(), EACCES);
  EXPECT_EQ(files_->MakeDirectory("/etc/d").end.error(), EACCES);
  // A list goes by what it may not enter, and says so.
  for (uint32_t depth : {1u, 2u}) {
    FileOutcome listed = files_->List("/etc", depth);
    EXPECT_TRUE(listed.ok());
    bool told = false;
    for (const auto& each : listed.entries) {
      EXPECT_NE(each.path(), "/etc/hidden/f");
      if (each.path() == "/etc/hidden") {
        told = true;
        EXPECT_EQ(each.not_listed(), depth > 1);
      }
    }
    EXPECT_TRUE(told);
  }
  // And back.
  files_->set_user(0);
  EXPECT_EQ(files_->Read("/etc/shadow2").data, "root's");
  EXPECT_TRUE(files_->Remove("/etc/hidden", true).ok());
  EXPECT_EQ(Python("print(open('/home/user/secret').read() if 0 else 'ok')"), "ok\n");
}

TEST_F(FileTest, BetweenCallsTheAgentIsItself) {
  ExpectOn();
  const pid_t agent = AgentPid();
  const std::string ids = StatusField(agent, "Uid");
  EXPECT_EQ(StatusField(agent, "Uid"), StatusField(shared_->InitOf(id_), "Uid"));
  EXPECT_EQ(StatusField(agent, "Gid"), StatusField(shared_->InitOf(id_), "Gid"));
  EXPECT_EQ(StatusField(agent, "Groups"), "");
  EXPECT_EQ(StatusField(agent, "CapEff"), "00000000000005fb");
  EXPECT_EQ(fs::read_symlink(absl::StrCat("/proc/", agent, "/cwd")), "/");
}

TEST_F(FileTest, AUserThatTheSandboxDoesNotHave) {
  files_->set_user(70000);
  EXPECT_EQ(files_->Read("/etc/passwd").end.error(), EPERM);
  files_->set_user(1000);
  ExpectOn();
}

// ---- What is no file --------------------------------------------------------------------------

TEST_F(FileTest, WaitsForNothing) {
  Python(
      "import os, socket\nos.mkfifo('/tmp/fifo')\n"
      "s = socket.socket(socket.AF_UNIX); s.bind('/tmp/socket')");
  for (const char* path : {"/tmp/fifo", "/tmp/socket", "/dev/null", "/dev/zero", "/dev/full",
                           "/dev/urandom", "/dev/tty", "/tmp"}) {
    if (!files_->Stat(path).ok()) continue;
    EXPECT_EQ(files_->Read(path).end.outcome(), StreamEnd::WRONG_TYPE) << path;
    for (uint32_t user : {1000u, 0u}) {
      files_->set_user(user);
      FileOutcome written = files_->Write(path, "x");
      EXPECT_FALSE(written.ok()) << path;
      written =
          files_->Write(path, "x", [](internal::WriteFileCall& call) { call.set_append(true); });
      EXPECT_EQ(written.end.outcome(), StreamEnd::WRONG_TYPE) << path;
    }
    files_->set_user(1000);
  }
  EXPECT_EQ(files_->Stat("/tmp/fifo").end.file().mode() & S_IFMT, static_cast<uint32_t>(S_IFIFO));
  EXPECT_TRUE(files_->Remove("/tmp/fifo").ok());
}

TEST_F(FileTest, NothingOfProc) {
  Python(
      "import os\nos.symlink('/proc/self/root/etc/passwd', '/tmp/magic')\n"
      "os.symlink('/proc', '/tmp/proc')");
  for (uint32_t user : {1000u, 0u}) {
    files_->set_user(user);
    for (const char* path :
         {"/proc/self/status", "/proc/self/environ", "/proc/self/root/etc/passwd", "/proc/self/exe",
          "/proc/1/root/etc/passwd", "/proc/1/environ", "/proc/2/mem", "/proc/2/fd/0",
          "/proc/2/cwd/x", "/proc/thread-self/status", "/tmp/magic", "/tmp/proc/1/status",
          "/proc/meminfo"}) {
      EXPECT_FALSE(files_->Read(path).ok()) << path;
      EXPECT_FALSE(files_->Write(path, "x").ok()) << path;
      EXPECT_FALSE(
          files_->Write(path, "x", [](internal::WriteFileCall& call) { call.set_append(true); })
              .ok())
          << path;
      // The link itself is the user's to remove.
      const bool link = absl::StartsWith(path, "/tmp/magic");
      EXPECT_FALSE(!link && files_->Remove(path).ok()) << path;
    }
    EXPECT_FALSE(files_->List("/proc").ok());
    EXPECT_FALSE(files_->List("/proc/1").ok());
    EXPECT_FALSE(files_->List("/tmp/proc/").ok());
  }
  // It is told of, and not entered.
  FileOutcome listed = files_->List("/", 2);
  bool told = false;
  for (const auto& each : listed.entries) {
    told = told || each.path() == "/proc";
    EXPECT_FALSE(absl::StartsWith(each.path(), "/proc/")) << each.path();
  }
  EXPECT_TRUE(told);
}

TEST_F(FileTest, SparseFilesAreReadAsFarAsAsked) {
  constexpr uint64_t kPebibyte = uint64_t{1} << 50;
  ASSERT_TRUE(files_
                  ->Write("/tmp/sparse", "end",
                          [](internal::WriteFileCall& write) { write.set_offset(kPebibyte); })
                  .ok());
  internal::FileCall call;
  call.mutable_read()->set_path("/tmp/sparse");
  call.mutable_read()->set_offset(kPebibyte - 2);
  call.mutable_read()->set_length(9);
  EXPECT_EQ(files_->Finish(files_->Begin(call)).data, std::string("\0\0end", 5));
  // And a read of all of it can be given up.
  const uint64_t stream = files_->BeginRead("/tmp/sparse");
  ASSERT_TRUE(files_->WaitUntil([&] { return files_->outcome(stream).data.size() > (3 << 20); }));
  files_->Cancel(stream);
  EXPECT_EQ(files_->Finish(stream).end.outcome(), StreamEnd::CANCELLED);
}

TEST_F(FileTest, TruncationIsTold) {
  ASSERT_TRUE(files_->Write("/tmp/f", Many(8 << 20)).ok());
  files_->set_credit(false);
  const uint64_t stream = files_->BeginRead("/tmp/f");
  ASSERT_TRUE(files_->WaitUntil([&] { return files_->outcome(stream).data.size() > (256 << 10); }));
  Python("import os; os.truncate('/tmp/f', 1 << 20)");
  files_->set_credit(true);
  files_->GiveCredit(stream, 8 << 20);
  EXPECT_EQ(files_->Finish(stream).end.outcome(), StreamEnd::TRUNCATED);
}

TEST_F(FileTest, NamesOfEveryKind) {
  const std::string names[] = {
      "new\nline", "tab\t\x01\x7f", "\xff\xfe not UTF-8", std::string(255, 'x'), "-rf", " ", "..x",
      "*?[",       "\"'\\",         "caf\xc3\xa9"};
  for (const std::string& name : names) {
    const std::string path = "/tmp/names/" + name;
    EXPECT_TRUE(files_->Write(path, name).ok()) << name;
    EXPECT_EQ(files_->Read(path).data, name);
    EXPECT_EQ(files_->Stat(path).end.file().path(), path);
  }
  std::set<std::string> listed;
  for (const auto& each : files_->List("/tmp/names").entries) listed.insert(each.path());
  for (const std::string& name : names) EXPECT_TRUE(listed.contains("/tmp/names/" + name)) << name;
  EXPECT_EQ(files_->Write("/tmp/" + std::string(256, 'x'), "").end.error(), ENAMETOOLONG);
  EXPECT_TRUE(files_->Remove("/tmp/names", true).ok());
}

// ---- What goes wrong --------------------------------------------------------------------------

TEST_F(FileTest, ADiskThatIsFullLeavesNothing) {
  Launch([](v1::Limits& limits) { limits.set_disk_bytes(8 << 20); });
  ASSERT_TRUE(files_->Write("/home/user/f", "before").ok());
  FileOutcome written = files_->Write("/home/user/f", Many(16 << 20));
  EXPECT_TRUE(written.end.error() == ENOSPC || written.end.error() == EFBIG)
      << written.end.error() << written.end.detail();
  EXPECT_EQ(files_->Read("/home/user/f").data, "before");
  FileOutcome listed = files_->List("/home/user");
  for (const auto& each : listed.entries) EXPECT_FALSE(absl::StrContains(each.path(), ".warren-"));
  EXPECT_TRUE(files_->Write("/home/user/g", Many(4 << 20)).ok()) << "its room is free again";
}

TEST_F(FileTest, InodesThatAreUsedUp) {
  Python(
      "import os\nos.mkdir('/tmp/n')\n"
      "try:\n"
      "    for i in range(10**6): os.close(os.open(f'/tmp/n/{i}', os.O_CREAT))\n"
      "except OSError as e: print(e.errno)\n");
  EXPECT_EQ(files_->Write("/tmp/f", "x").end.error(), ENOSPC);
  EXPECT_EQ(files_->MakeDirectory("/tmp/d").end.error(), ENOSPC);
  EXPECT_TRUE(files_->Remove("/tmp/n", true).ok());
  ExpectOn();
}

TEST_F(FileTest, ACancelledWriteLeavesNothing) {
  ASSERT_TRUE(files_->Write("/tmp/f", "before").ok());
  const uint64_t stream = files_->BeginWrite("/tmp/f");
  files_->SendData(stream, Many(2 << 20), false);
  files_->Cancel(stream);
  EXPECT_EQ(files_->Finish(stream).end.outcome(), StreamEnd::CANCELLED);
  EXPECT_EQ(NamesIn("/tmp"), "['f']\n");
  EXPECT_EQ(files_->Read("/tmp/f").data, "before");
  // Twice, and of what never was: nothing.
  files_->Cancel(stream);
  files_->Cancel(12345);
  ExpectOn();
}

TEST_F(FileTest, TheAgentsDeathLeavesWhatWas) {
  ASSERT_TRUE(files_->Write("/tmp/f", "before").ok());
  const uint64_t stream = files_->BeginWrite("/tmp/f");
  files_->SendData(stream, Many(1 << 20), false);
  ASSERT_EQ(KillProcess(AgentPid(), SIGKILL), 0);
  shared_->WaitForProcessExited(id_, agent_);
  StartAgent();
  EXPECT_EQ(files_->Read("/tmp/f").data, "before");
  EXPECT_LE(files_->List("/tmp").entries.size(), 2u);
}

TEST_F(FileTest, WithoutCreditNothingComes) {
  ASSERT_TRUE(files_->Write("/tmp/f", Many(4 << 20)).ok());
  files_->set_credit(false);
  const uint64_t stream = files_->BeginRead("/tmp/f");
  // The window, however long the agent takes to fill it; and then silence.
  const auto window = static_cast<size_t>(kStreamWindow);
  EXPECT_TRUE(
      files_->WaitUntil([&] { return files_->outcome(stream).data.size() > window - 4096; }));
  while (files_->TakeEvent(200)) {
  }
  EXPECT_LE(files_->outcome(stream).data.size(), window);
  EXPECT_FALSE(files_->outcome(stream).ended);
  // Others go on beside it.
  ExpectOn();
  files_->Cancel(stream);
  EXPECT_EQ(files_->Finish(stream).end.outcome(), StreamEnd::CANCELLED);
}

TEST_F(FileTest, StreamsTakeTurns) {
  ASSERT_TRUE(files_->Write("/tmp/f", Many(16 << 20)).ok());
  std::vector<uint64_t> streams;
  for (size_t i = 0; i < kMaxAgentStreams; ++i) streams.push_back(files_->BeginRead("/tmp/f"));
  FileOutcome beyond = files_->Stat("/tmp/f");
  EXPECT_EQ(beyond.end.error(), EUSERS);
  ASSERT_TRUE(files_->WaitUntil([&] { return files_->outcome(streams.back()).data.size() > 1; }));
  EXPECT_FALSE(files_->outcome(streams.front()).ended);
  for (uint64_t stream : streams) {
    EXPECT_EQ(files_->Finish(stream).data.size(), size_t{16} << 20);
  }
  ExpectOn();
}

TEST_F(FileTest, WhoBreaksABoundEndsTheAgent) {
  auto call = [](const std::function<void(internal::FileCall&)>& set) {
    internal::AgentRequest request;
    request.mutable_call()->set_stream_id(1);
    set(*request.mutable_call());
    return request;
  };
  auto read = [&](const std::string& path) {
    return call([&](internal::FileCall& each) { each.mutable_read()->set_path(path); });
  };
  auto write = [&](const std::function<void(internal::WriteFileCall&)>& set) {
    return call([&](internal::FileCall& each) {
      each.mutable_write()->set_path("/tmp/f");
      set(*each.mutable_write());
    });
  };
  internal::AgentRequest no_data;
  no_data.mutable_data()->set_stream_id(1);
  internal::AgentRequest much_data;
  much_data.mutable_data()->set_stream_id(1);
  much_data.mutable_data()->set_data(std::string(kMaxStreamData + 1, 'x'));
  internal::AgentRequest no_credit;
  no_credit.mutable_credit()->set_stream_id(1);
  const internal::AgentRequest requests[] = {
      call([](internal::FileCall&) {}),
      call([](internal::FileCall& each) {
        each.set_stream_id(0);
        each.mutable_usage();
      }),
      read(""),
      read("relative"),
      read(std::string("/a\0b", 4)),
      read("/" + std::string(4095, 'x')),
      call([](internal::FileCall& each) {
        each.mutable_read()->set_path("/x");
        each.mutable_read()->set_offset(uint64_t{1} << 63);
      }),
      call([](internal::FileCall& each) { each.mutable_list()->set_path("/"); }),
      call([](internal::FileCall& each) {
        each.mutable_list()->set_path("/");
        each.mutable_list()->set_depth(65);
      }),
      write([](internal::WriteFileCall& each) { each.set_mode(010000); }),
      write([](internal::WriteFileCall& each) { each.set_sha256("short"); }),
      write([](internal::WriteFileCall& each) { (*each.mutable_attributes())["trusted.x"] = ""; }),
      write([](internal::WriteFileCall& each) {
        (*each.mutable_attributes())["user.x"] = std::string(5000, 'x');
      }),
      no_data,
      much_data,
      no_credit,
  };
  for (const internal::AgentRequest& request : requests) {
    files_->Send(request);
    EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_).exit_code(), 1) << request.DebugString();
    StartAgent();
  }
  // Of a stream that goes on: data that it has given no credit for, and its id once more.
  for (const bool data : {true, false}) {
    internal::FileCall watch;
    watch.mutable_watch()->set_path("/tmp");
    internal::AgentRequest request;
    const uint64_t stream = files_->Begin(watch);
    if (data) {
      request.mutable_data()->set_stream_id(stream);
      request.mutable_data()->set_data("x");
    } else {
      request.mutable_call()->set_stream_id(stream);
      request.mutable_call()->mutable_usage();
    }
    files_->Send(request);
    EXPECT_EQ(shared_->WaitForProcessExited(id_, agent_).exit_code(), 1) << request.DebugString();
    StartAgent();
  }
  ExpectOn();
  EXPECT_EQ(Python("print('on')"), "on\n");
}

// ---- Races ------------------------------------------------------------------------------------

// A directory of the user's and a link to one of root's change places all the time.
TEST_F(FileTest, ASwapGivesNobodyWhatIsNotTheirs) {
  files_->set_user(0);
  auto secret = [](internal::WriteFileCall& call) { call.set_mode(0600); };
  ASSERT_TRUE(files_->MakeDirectory("/etc/closed", 0755).ok());
  ASSERT_TRUE(files_->Write("/etc/closed/f", "SECRET", secret).ok());
  files_->set_user(1000);
  Python(
      "import os\nos.mkdir('/tmp/a'); open('/tmp/a/f', 'w').write('mine')\n"
      "os.symlink('/etc/closed', '/tmp/b')");
  shared_->StartCell(
      context_,
      "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
      "while not os.path.exists('/tmp/stop'):\n"
      "    for i in range(1000): libc.renameat2(-100, b'/tmp/a', -100, b'/tmp/b', 2)\n");
  const int rounds = InUml() ? 2'000 : 100'000;
  int mine = 0;
  int refused = 0;
  for (int i = 0; i < rounds; ++i) {
    FileOutcome read = files_->Read("/tmp/a/f");
    ASSERT_FALSE(absl::StrContains(read.data, "SECRET"));
    if (read.ok()) {
      EXPECT_EQ(read.data, "mine");
      ++mine;
    } else {
      EXPECT_EQ(read.end.error(), EACCES);
      ++refused;
    }
    if (i % 16 == 0) files_->Write("/tmp/a/f", "mine");
    if (i % 64 == 0) files_->Remove("/tmp/a/g", true);
  }
  EXPECT_GT(mine, 0);
  EXPECT_GT(refused, 0) << "it was never swapped";
  files_->Write("/tmp/stop", "");
  shared_->FinishCell(context_);
  files_->set_user(0);
  EXPECT_EQ(files_->Read("/etc/closed/f").data, "SECRET");
  EXPECT_EQ(files_->List("/etc/closed").entries.size(), 1u);
}

// A file and a FIFO change places: nothing waits.
TEST_F(FileTest, AFifoThatTakesAFilesPlace) {
  Python("import os\nopen('/tmp/a', 'w').write('file'); os.mkfifo('/tmp/b')");
  shared_->StartCell(
      context_,
      "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
      "while not os.path.exists('/tmp/stop'):\n"
      "    for i in range(1000): libc.renameat2(-100, b'/tmp/a', -100, b'/tmp/b', 2)\n");
  for (int i = 0; i < (InUml() ? 2000 : 20000); ++i) {
    FileOutcome read = files_->Read("/tmp/a");
    ASSERT_TRUE(read.ok() ? read.data == "file" : read.end.outcome() == StreamEnd::WRONG_TYPE);
  }
  files_->Write("/tmp/stop", "");
  shared_->FinishCell(context_);
}

// What is removed is moved out of its directory all the time: nothing else goes.
TEST_F(FileTest, ARemovalStaysWhereItBegan) {
  Python(
      "import os\nos.makedirs('/tmp/keep/d/d/d'); os.makedirs('/tmp/gone/x')\n"
      "for i in range(50): open(f'/tmp/keep/f{i}', 'w')");
  shared_->StartCell(context_,
                     "import os\n"
                     "while not os.path.exists('/tmp/stop'):\n"
                     "    try:\n"
                     "        os.makedirs('/tmp/gone/x/y/z', exist_ok=True)\n"
                     "        os.rename('/tmp/gone/x/y', '/tmp/keep/y')\n"
                     "        os.rename('/tmp/keep/y', '/tmp/gone/x/y')\n"
                     "    except OSError: pass\n");
  for (int i = 0; i < (InUml() ? 100 : 2000); ++i) files_->Remove("/tmp/gone", true);
  files_->Write("/tmp/stop", "");
  shared_->FinishCell(context_);
  EXPECT_EQ(Python("import os; print(len([n for n in os.listdir('/tmp/keep') if n != 'y']),\n"
                   "                 os.path.isdir('/tmp/keep/d/d/d'))"),
            "51 True\n");
}

// ---- Watches ----------------------------------------------------------------------------------

class WatchTest : public FileTest {
 protected:
  uint64_t Watch(const std::string& path, bool recursive) {
    internal::FileCall call;
    call.mutable_watch()->set_path(path);
    call.mutable_watch()->set_recursive(recursive);
    const uint64_t stream = files_->Begin(call);
    EXPECT_TRUE(Sees(stream, 7, path));
    return stream;
  }
  bool Has(uint64_t stream, uint32_t kind, const std::string& path,
           const std::string& destination = "") {
    for (const auto& each : files_->outcome(stream).watched) {
      if (each.kind() == kind && each.path() == path && each.destination() == destination)
        return true;
    }
    return false;
  }
  bool Sees(uint64_t stream, uint32_t kind, const std::string& path,
            const std::string& destination = "") {
    return files_->WaitUntil([&] {
      return files_->outcome(stream).ended || Has(stream, kind, path, destination);
    }) && Has(stream, kind, path, destination);
  }
};

TEST_F(WatchTest, TellsWhatHappens) {
  ASSERT_TRUE(files_->MakeDirectory("/tmp/w").ok());
  const uint64_t stream = Watch("/tmp/w", false);
  Python(
      "import os\nopen('/tmp/w/f', 'w').write('x'); os.chmod('/tmp/w/f', 0o600)\n"
      "os.rename('/tmp/w/f', '/tmp/w/g'); os.rename('/tmp/w/g', '/tmp/out')\n"
      "os.rename('/tmp/out', '/tmp/w/in'); os.remove('/tmp/w/in')");
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/f"));
  EXPECT_TRUE(Sees(stream, 2, "/tmp/w/f"));
  EXPECT_TRUE(Sees(stream, 5, "/tmp/w/f"));
  EXPECT_TRUE(Sees(stream, 4, "/tmp/w/f", "/tmp/w/g"));
  EXPECT_TRUE(Sees(stream, 3, "/tmp/w/g"));
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/in"));
  EXPECT_TRUE(Sees(stream, 3, "/tmp/w/in"));
  // Through the agent, too; the name that it is written under is nobody's.
  ASSERT_TRUE(files_->Write("/tmp/w/written", "x").ok());
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/written"));
  EXPECT_TRUE(Sees(stream, 2, "/tmp/w/written"));
  // One that is replaced is not made.
  ASSERT_TRUE(files_->Write("/tmp/w/written", "y").ok());
  ASSERT_TRUE(files_->Write("/tmp/w/last", "z").ok());
  EXPECT_TRUE(Sees(stream, 2, "/tmp/w/last"));
  int made = 0;
  for (const auto& each : files_->outcome(stream).watched)
    made += each.kind() == 1 && each.path() == "/tmp/w/written" ? 1 : 0;
  EXPECT_EQ(made, 1);
  for (const auto& each : files_->outcome(stream).watched)
    EXPECT_FALSE(absl::StrContains(each.path(), ".warren-")) << each.path();
  files_->Cancel(stream);
  EXPECT_EQ(files_->Finish(stream).end.outcome(), StreamEnd::CANCELLED);
}

TEST_F(WatchTest, SeesNewDirectories) {
  ASSERT_TRUE(files_->MakeDirectory("/tmp/w/old/older").ok());
  const uint64_t stream = Watch("/tmp/w", true);
  Python(
      "import os\nopen('/tmp/w/old/older/f', 'w')\n"
      "os.makedirs('/tmp/w/new/newer/newest'); open('/tmp/w/new/newer/newest/f', 'w')");
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/old/older/f"));
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/new"));
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/new/newer/newest/f"));
  Python(
      "import os\nos.rename('/tmp/w/new', '/tmp/w/renamed')\n"
      "open('/tmp/w/renamed/newer/g', 'w')");
  EXPECT_TRUE(Sees(stream, 4, "/tmp/w/new", "/tmp/w/renamed"));
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/renamed/newer/g"));
  // What is moved out is not watched any more.
  Python("import os\nos.rename('/tmp/w/renamed', '/tmp/out'); open('/tmp/w/a', 'w')");
  EXPECT_TRUE(Sees(stream, 3, "/tmp/w/renamed"));
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/a"));
  Python("open('/tmp/out/newer/h', 'w'); open('/tmp/w/b', 'w')");
  EXPECT_TRUE(Sees(stream, 1, "/tmp/w/b"));
  for (const auto& each : files_->outcome(stream).watched)
    EXPECT_FALSE(absl::EndsWith(each.path(), "/h")) << each.path();
  files_->Cancel(stream);
  files_->Finish(stream);
}

TEST_F(WatchTest, ItsEndIsThatOfItsDirectory) {
  ASSERT_TRUE(files_->MakeDirectory("/tmp/w").ok());
  const uint64_t stream = Watch("/tmp/w", true);
  Python("import os; os.rmdir('/tmp/w')");
  EXPECT_TRUE(Sees(stream, 3, "/tmp/w"));
  EXPECT_TRUE(files_->Finish(stream).ok());
}

TEST_F(WatchTest, SaysWhatItLost) {
  ASSERT_TRUE(files_->MakeDirectory("/tmp/w").ok());
  const uint64_t stream = Watch("/tmp/w", false);
  files_->set_credit(false);
  Python(
      "import os\n"
      "for i in range(60000):\n"
      "    os.close(os.open(f'/tmp/w/{i % 2}' + 'x' * 200, os.O_CREAT)); os.remove(f'/tmp/w/{i % "
      "2}' + 'x' * 200)\n");
  while (files_->TakeEvent(300)) {
  }
  size_t taken = 0;
  for (const auto& each : files_->outcome(stream).watched) taken += each.ByteSizeLong();
  EXPECT_LE(taken, static_cast<size_t>(kStreamWindow));
  files_->set_credit(true);
  files_->GiveCredit(stream, static_cast<uint32_t>(taken));
  EXPECT_TRUE(Sees(stream, 6, "/tmp/w"));
  ASSERT_TRUE(files_->Write("/tmp/w/after", "x").ok());
  EXPECT_TRUE(Sees(stream, 2, "/tmp/w/after"));
  files_->Cancel(stream);
  files_->Finish(stream);
}

TEST_F(WatchTest, OfNoDirectory) {
  ASSERT_TRUE(files_->Write("/tmp/f", "").ok());
  internal::FileCall call;
  call.mutable_watch()->set_path("/tmp/f");
  EXPECT_EQ(files_->Finish(files_->Begin(call)).end.outcome(), StreamEnd::WRONG_TYPE);
  call.mutable_watch()->set_path("/tmp/none");
  EXPECT_EQ(files_->Finish(files_->Begin(call)).end.error(), ENOENT);
  call.mutable_watch()->set_path("/proc");
  EXPECT_EQ(files_->Finish(files_->Begin(call)).end.outcome(), StreamEnd::WRONG_TYPE);
}

// ---- Its cost ---------------------------------------------------------------------------------

TEST_F(FileTest, AnIdleAgentCostsLittle) {
  ASSERT_TRUE(files_->Write("/home/user/f", Many(8 << 20)).ok());
  EXPECT_EQ(files_->Read("/home/user/f").data.size(), size_t{8} << 20);
  EXPECT_TRUE(files_->List("/usr/lib", 2).ok());
  // Pages of its own: those of its program are the launcher's.
  const pid_t agent = AgentPid();
  auto anonymous = [&] {
    std::ifstream file(absl::StrCat("/proc/", agent, "/status"));
    for (std::string line; std::getline(file, line);) {
      int64_t kib = 0;
      if (absl::StartsWith(line, "RssAnon:") &&
          absl::SimpleAtoi(absl::StripSuffix(absl::StripAsciiWhitespace(line.substr(8)), " kB"),
                           &kib)) {
        return kib;
      }
    }
    return int64_t{-1};
  };
  EXPECT_GT(anonymous(), 0);
  EXPECT_TRUE(Eventually([&] { return anonymous() <= 1024; })) << anonymous() << " KiB";
}

}  // namespace
}  // namespace warren
