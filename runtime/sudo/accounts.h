#ifndef WARREN_RUNTIME_SUDO_ACCOUNTS_H_
#define WARREN_RUNTIME_SUDO_ACCOUNTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The sandbox's users and groups, from the texts of /etc/passwd and /etc/group: a static program
// has no name service.
namespace warren::sudo {

struct Account {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
  std::string shell;
};

// `who`: a name, or "#" and a number, which need not be in the text. Empty where there is none.
std::optional<Account> FindAccount(std::string_view passwd, const std::string& who);
Account AccountOf(std::string_view passwd, uint32_t uid);

std::optional<uint32_t> FindGroup(std::string_view group, const std::string& which);
// Those that `account` is in, its own first.
std::vector<uint32_t> GroupsOf(std::string_view group, const Account& account);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_ACCOUNTS_H_
