// What the fetcher, and libcurl and the C library for it, do once it is confined.

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/policy/service_steps.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

// Made before the policy is in force.
int connection = -1;

bool Have(int family, int type) {
  connection = ::socket(family, type | SOCK_CLOEXEC, 0);
  return Step(connection >= 0, "socket");
}

bool HaveIndex() { return Have(AF_INET, SOCK_STREAM); }
bool HaveNameServer() { return Have(AF_INET, SOCK_DGRAM); }
bool HaveNameServerIpv6() { return Have(AF_INET6, SOCK_DGRAM); }

bool HavePair(int type) {
  int pair[2];
  if (!Step(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0, "socketpair")) return false;
  connection = pair[0];
  return true;
}

bool HaveSandbox() { return HavePair(SOCK_STREAM); }
bool HaveNameServerPair() { return HavePair(SOCK_DGRAM); }

bool HasAPair() { return HavePair(SOCK_STREAM); }

bool AsksTwoQuestions() {
  char ipv4[] = {1};
  char ipv6[] = {2};
  iovec parts[] = {{ipv4, sizeof(ipv4)}, {ipv6, sizeof(ipv6)}};
  mmsghdr questions[2] = {};
  for (int i = 0; i < 2; ++i) {
    questions[i].msg_hdr.msg_iov = &parts[i];
    questions[i].msg_hdr.msg_iovlen = 1;
  }
  return Step(::sendmmsg(connection, questions, 2, MSG_NOSIGNAL) == 2, "sendmmsg");
}

bool EndsItsAnswer() { return Step(::shutdown(connection, SHUT_WR) == 0, "shutdown"); }
bool ResetsTheSandbox() { return PreparesReset(connection); }
bool SendsAtOnce() { return SetsOption(connection, IPPROTO_TCP, TCP_NODELAY, 1); }
bool HearsOfErrors() { return SetsOption(connection, IPPROTO_IP, IP_RECVERR, 1); }
bool HearsOfErrorsIpv6() { return SetsOption(connection, IPPROTO_IPV6, IPV6_RECVERR, 1); }

bool AsksHowMuchThereIs() {
  int bytes = -1;
  return Step(::ioctl(connection, FIONREAD, &bytes) == 0 && bytes == 0, "FIONREAD");
}

bool MakesConnectionNonBlocking() { return MakesNonBlocking(connection); }

bool HaveFile() {
  const int fd = ::open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  return Step(fd >= 0, "open") && Step(::close(fd) == 0, "close");
}

bool ReadsFiles() {
  DIR* directory = ::opendir(".");
  if (!Step(directory != nullptr, "opendir")) return false;
  if (!Step(::readdir(directory) != nullptr, "readdir")) return false;
  char byte;
  const int fd = ::open("file", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  return Step(fd >= 0, "open") && Step(::pread(fd, &byte, 1, 0) == 0, "pread");
}

}  // namespace

std::map<std::string, Workload> FetcherWorkloads() {
  return {
      {"fetcher_dials", {Dials}},
      {"fetcher_dials_ipv6", {DialsIpv6}},
      {"fetcher_asks_for_names", {AsksForNames}},
      {"fetcher_asks_for_names_ipv6", {AsksForNamesIpv6}},
      {"fetcher_has_a_pair", {HasAPair}},
      {"fetcher_asks_two_questions", {AsksTwoQuestions, HaveNameServerPair}},
      {"fetcher_ends_one_direction", {EndsItsAnswer, HaveSandbox}},
      {"fetcher_resets", {ResetsTheSandbox, HaveIndex}},
      {"fetcher_sends_at_once", {SendsAtOnce, HaveIndex}},
      {"fetcher_hears_of_errors", {HearsOfErrors, HaveNameServer}},
      {"fetcher_hears_of_errors_ipv6", {HearsOfErrorsIpv6, HaveNameServerIpv6}},
      {"fetcher_asks_how_much_there_is", {AsksHowMuchThereIs, HaveNameServer}},
      {"fetcher_makes_non_blocking", {MakesConnectionNonBlocking, HaveIndex}},
      {"fetcher_reads_files", {ReadsFiles, HaveFile}},
      {"fetcher_starts_a_thread", {StartsAThread}},
      {"fetcher_allocates", {AllocatesMemory}},
      {"fetcher_asks_the_kernel_for_the_time", {AsksTheKernelForTheTime}},
      {"fetcher_ends_with_its_launcher", {EndsWithItsLauncher}},
  };
}

}  // namespace warren::testing
