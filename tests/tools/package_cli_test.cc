// `warren install` and `warren packages`, in front of a fake backend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "runtime/base/unique_fd.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/fake/fake_backend.h"
#include "tests/supervisor/door.h"
#include "tests/support/patience.h"
#include "tools/warren/command_line.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/package_text.h"
#include "tools/warren/terminal_line.h"

namespace warren {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

using Progress = v1::InstallPackageEvent::Progress;

TEST(InstallProgress, IsALineThatATerminalCanTake) {
  Progress progress;
  progress.set_phase(Progress::WAITING);
  EXPECT_EQ(FormatInstallProgress(progress), "waiting for a builder");
  progress.set_phase(Progress::FETCHING);
  progress.set_done(3);
  progress.set_total(12);
  progress.set_text("numpy\x1b[2J\n2.1.0");
  EXPECT_EQ(FormatInstallProgress(progress), "fetching 3 of 12: numpy\\x1b[2J\\n2.1.0");
}

TEST(Installed, SaysWhereItCameFrom) {
  v1::InstallPackageEvent::Done done;
  EXPECT_EQ(FormatInstalled(done), "Nothing was added: the template has all of it.\n");
  done.add_packages()->set_name("six");
  done.mutable_packages(0)->set_version("1.0");
  EXPECT_EQ(FormatInstalled(done), "six 1.0\n1 package, resolved and fetched\n");
  done.set_cached(true);
  done.add_packages()->set_name("evil\x1b]0;");
  EXPECT_EQ(FormatInstalled(done), "six 1.0\nevil\\x1b]0; \n2 packages, from the store\n");
}

TEST(Store, SaysWhatItHoldsAndWhoUsesIt) {
  v1::ListStoredPackagesResponse store;
  store.set_max_bytes(1 << 30);
  EXPECT_EQ(FormatStore(store, absl::Now()), "No package is stored.\n\n0 B of 1.0 GiB are used.\n");
  const absl::Time now = absl::Now();
  auto* set = store.add_sets();
  set->set_digest(std::string(64, 'a'));
  *set->mutable_used_at() = ToProto(now - absl::Minutes(5));
  set->set_uses(2);
  for (int i = 0; i < 6; ++i) {
    auto* package = set->add_packages();
    package->set_name(absl::StrCat("p", i));
    package->set_version("1.0");
    auto* stored = store.add_packages();
    *stored->mutable_package() = *package;
    stored->set_size_bytes(2048);
    stored->set_files(7);
  }
  store.set_size_bytes(6 * 2048);
  const std::string text = FormatStore(store, now);
  EXPECT_THAT(text, HasSubstr("PACKAGE  VERSION  SIZE     FILES\n"
                              "p0       1.0      2.0 KiB  7\n"));
  EXPECT_THAT(text, HasSubstr("aaaaaaaaaaaa  2"));
  EXPECT_THAT(text, HasSubstr("p0 1.0, p1 1.0, p2 1.0, p3 1.0 and 2 more\n"));
  EXPECT_THAT(text, HasSubstr("12.0 KiB of 1.0 GiB are used.\n"));
}

TEST(TerminalLine, IsWrittenOverAndTakenAway) {
  int terminal = -1;
  int reader = -1;
  winsize size{};
  size.ws_col = 20;
  ASSERT_EQ(::openpty(&reader, &terminal, nullptr, nullptr, &size), 0);
  UniqueFd owned_terminal(terminal);
  UniqueFd owned_reader(reader);
  {
    TerminalLine line(terminal);
    EXPECT_EQ(line.columns(), 19);
    line.Clear();
    line.Show("resolving");
    line.Show("mounting");
  }
  const std::string expected = "\rresolving\x1b[K\rmounting\x1b[K\r\x1b[K";
  std::string shown(expected.size(), '\0');
  size_t got = 0;
  while (got < shown.size()) {
    const ssize_t n = ::read(reader, shown.data() + got, shown.size() - got);
    ASSERT_GT(n, 0);
    got += static_cast<size_t>(n);
  }
  EXPECT_EQ(shown, expected);
}

class PackageCommands : public ::testing::Test {
 protected:
  struct Printed {
    int exit_code;
    std::string out;
    std::string err;
  };
  PackageCommands() {
    std::string name = testing::TempDir() + "warren-packages-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~PackageCommands() override {
    for (const std::string& file : files_) ::remove(file.c_str());
    ::remove(directory_.c_str());
  }
  // Its path.
  std::string WriteFile(const std::string& name, const std::string& content) {
    files_.push_back(absl::StrCat(directory_, "/", name));
    std::ofstream(files_.back()) << content;
    return files_.back();
  }
  Printed Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--address", door_.target()});
    CommandLine line;
    CaptureStdout();
    CaptureStderr();
    const int exit_code = line.Run(std::move(arguments));
    return {exit_code, GetCapturedStdout(), GetCapturedStderr()};
  }
  std::string Create() {
    Printed made = Run({"create"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  }

  // Before any thread of gRPC's, which inherits it: an interrupt is the command's to take.
  struct InterruptBlocked {
    InterruptBlocked() {
      sigset_t set;
      ::sigemptyset(&set);
      ::sigaddset(&set, SIGINT);
      ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    }
  } blocked_;
  std::string directory_;
  std::vector<std::string> files_;
  FakeBackend fake_;
  Door door_{fake_};
};

TEST_F(PackageCommands, AnInstallSaysWhatGoesOnAndWhatCame) {
  const std::string id = Create();
  Printed installed = Run({"install", id, "six", "attrs==23.1"});
  EXPECT_EQ(installed.exit_code, 0);
  EXPECT_EQ(installed.out, "attrs 23.1\nsix 1.0\n2 packages, resolved and fetched\n");
  EXPECT_EQ(installed.err,
            "warren: resolving\n"
            "warren: fetching 1 of 2: attrs 23.1\n"
            "warren: fetching 2 of 2: six 1.0\n"
            "warren: mounting\n");
  installed = Run({"install", Create(), "six", "attrs==23.1"});
  EXPECT_EQ(installed.out, "attrs 23.1\nsix 1.0\n2 packages, from the store\n");
  EXPECT_EQ(installed.err, "warren: mounting\n");
  installed = Run({"install", id, "--refresh", "six", "attrs==23.1"});
  EXPECT_THAT(installed.out, HasSubstr("resolved and fetched"));
  EXPECT_THAT(Run({"environment", id}).out, HasSubstr("attrs"));
}

TEST_F(PackageCommands, FilesAreSentAsText) {
  const std::string first = WriteFile("first.txt", "six");
  const std::string second = WriteFile("second.txt", "# ours\nattrs\n");
  const std::string constraints = WriteFile("constraints.txt", "six==1.16\n");
  Printed installed =
      Run({"install", "-r", first, "-r", second, "-c", constraints, Create(), "idna"});
  EXPECT_EQ(installed.exit_code, 0) << installed.err;
  EXPECT_EQ(installed.out, "attrs 1.0\nidna 1.0\nsix 1.16\n3 packages, resolved and fetched\n");
}

TEST_F(PackageCommands, AFileThatCannotBeSentIsNamed) {
  const std::string id = Create();
  const std::string large = WriteFile("large.txt", std::string((256 << 10) + 1, '#'));
  const std::string half = WriteFile("half.txt", std::string(128 << 10, '#'));
  const std::string binary = WriteFile("binary.txt", "\xff\xfe");
  for (const auto& [arguments, why] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"-r", directory_ + "/none.txt"}, "none.txt: No such file"},
           {{"six", "-c", directory_ + "/none.txt"}, "none.txt: No such file"},
           {{"-r", large}, "large.txt is too large: at most 256.0 KiB are allowed"},
           {{"six", "-c", large}, "large.txt is too large"},
           {{"-r", half, "-r", half}, "the files together are too large"},
           {{"-r", binary}, "binary.txt is no text in UTF-8"}}) {
    std::vector<std::string> line = {"install", id};
    line.insert(line.end(), arguments.begin(), arguments.end());
    Printed refused = Run(line);
    EXPECT_EQ(refused.exit_code, kExitWarren);
    EXPECT_THAT(refused.err, HasSubstr(why));
    EXPECT_EQ(refused.out, "");
  }
  EXPECT_EQ(fake_.packages().List().packages_size(), 0);
}

TEST_F(PackageCommands, AnInstallAsJson) {
  const std::string id = Create();
  Printed installed = Run({"install", id, "clashing", "--json"});
  EXPECT_EQ(installed.exit_code, 0);
  EXPECT_EQ(installed.err, "");
  const std::vector<std::string> lines = absl::StrSplit(installed.out, '\n');
  ASSERT_EQ(lines.size(), 5u) << installed.out;
  auto fetching = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(fetching, (nlohmann::json{{"type", "progress"},
                                      {"phase", "fetching"},
                                      {"text", "clashing 1.0"},
                                      {"done", 1},
                                      {"total", 1}}));
  auto done = nlohmann::json::parse(lines[3]);
  EXPECT_EQ(done["type"], "done");
  EXPECT_EQ(done["packages"][0], (nlohmann::json{{"name", "clashing"}, {"version", "1.0"}}));
  EXPECT_EQ(done["cached"], false);
  EXPECT_EQ(done["set_digest"].get<std::string>().size(), 64u);
  EXPECT_EQ(done["conflicts"][0], "clashing/data.txt");
}

TEST_F(PackageCommands, AConflictIsAWarning) {
  Printed installed = Run({"install", Create(), "clashing"});
  EXPECT_EQ(installed.exit_code, 0);
  EXPECT_THAT(installed.err, HasSubstr("warren: warning: several packages have clashing/data.txt"));
  EXPECT_THAT(installed.out, HasSubstr("clashing 1.0\n"));
}

TEST_F(PackageCommands, WhatIsRefusedSaysWhyAndNoMore) {
  const std::string id = Create();
  Printed refused = Run({"install", id, "denied"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_EQ(refused.err,
            "warren: install packages: denied is not among the packages that this server "
            "allows\n");
  EXPECT_EQ(refused.out, "");
  refused = Run({"install", id, "missing"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("no index has a package \"missing\"\n"),
                                 Not(HasSubstr("warren doctor"))));
  refused = Run({"install", "sbnone", "six"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("no such sandbox"), HasSubstr("`warren ps`")));
}

TEST_F(PackageCommands, AnInterruptEndsTheInstallation) {
  const std::string id = Create();
  std::thread interrupter([&] {
    EXPECT_TRUE(Eventually([&] { return fake_.packages().hanging() == 1; }));
    ::kill(::getpid(), SIGINT);
  });
  Printed ended = Run({"install", id, "hanging"});
  interrupter.join();
  EXPECT_EQ(ended.exit_code, 128 + SIGINT);
  EXPECT_EQ(ended.out, "");
  EXPECT_TRUE(Eventually([&] { return fake_.packages().hanging() == 0; }));
}

TEST_F(PackageCommands, TheStoreIsListedPrefetchedPrunedAndVerified) {
  EXPECT_THAT(Run({"packages"}).out, HasSubstr("No package is stored.\n"));
  Printed fetched = Run({"packages", "prefetch", "--template", "base", "six", "attrs"});
  EXPECT_EQ(fetched.exit_code, 0) << fetched.err;
  EXPECT_EQ(fetched.out, "attrs 1.0\nsix 1.0\n2 packages, resolved and fetched\n");
  EXPECT_EQ(Run({"packages", "prefetch", "--template", "none", "six"}).exit_code, kExitWarren);
  EXPECT_THAT(Run({"packages"}).out,
              AllOf(HasSubstr("attrs    1.0      1000 B  3\n"), HasSubstr("attrs 1.0, six 1.0\n"),
                    HasSubstr("2.0 KiB of 1.0 GiB are used.\n")));
  auto json = nlohmann::json::parse(Run({"packages", "--json"}).out);
  EXPECT_EQ(json["packages"][1]["package"]["name"], "six");
  EXPECT_EQ(json["sets"][0]["uses"], 0);

  Printed verified = Run({"packages", "verify"});
  EXPECT_EQ(verified.exit_code, 0);
  EXPECT_EQ(verified.out, "2 of 2 packages are what they were.\n");
  fake_.packages().Spoil("six");
  verified = Run({"packages", "verify"});
  EXPECT_EQ(verified.exit_code, kExitSpoilt);
  EXPECT_EQ(verified.out, "1 of 2 packages are what they were.\n");
  EXPECT_THAT(verified.err, HasSubstr("warren: removed six 1.0"));

  EXPECT_EQ(Run({"packages", "prune", "--unused-for", "1h"}).out,
            "Removed 0 packages and 0 sets, 0 B.\n");
  EXPECT_EQ(Run({"packages", "prune"}).out, "Removed 1 packages and 1 sets, 1000 B.\n");
  Printed refused = Run({"packages", "prune", "--unused-for", "10000h"});
  EXPECT_EQ(refused.exit_code, kExitWarren);
  EXPECT_THAT(refused.err, HasSubstr("unused_for is 10000h"));
}

}  // namespace
}  // namespace warren
