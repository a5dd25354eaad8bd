#include "runtime/sudo/arguments.h"

#include <algorithm>

namespace warren::sudo {
namespace {

using Action = Arguments::Action;
using Shell = Arguments::Shell;

struct Option {
  enum class Value : char { kNone, kNeeded, kMaybe };
  char letter;
  Value value;
  const char* name;
};
constexpr Option kOptions[] = {
    {'A', Option::Value::kNone, "askpass"},
    {'b', Option::Value::kNone, "background"},
    {'B', Option::Value::kNone, "bell"},
    {'C', Option::Value::kNeeded, "close-from"},
    {'D', Option::Value::kNeeded, "chdir"},
    {'E', Option::Value::kMaybe, "preserve-env"},
    {'e', Option::Value::kNone, "edit"},
    {'g', Option::Value::kNeeded, "group"},
    {'H', Option::Value::kNone, "set-home"},
    {'h', Option::Value::kNone, "help"},
    {'i', Option::Value::kNone, "login"},
    {'K', Option::Value::kNone, "remove-timestamp"},
    {'k', Option::Value::kNone, "reset-timestamp"},
    {'l', Option::Value::kNone, "list"},
    {'N', Option::Value::kNone, "no-update"},
    {'n', Option::Value::kNone, "non-interactive"},
    {'P', Option::Value::kNone, "preserve-groups"},
    {'p', Option::Value::kNeeded, "prompt"},
    {'R', Option::Value::kNeeded, "chroot"},
    {'r', Option::Value::kNeeded, "role"},
    {'S', Option::Value::kNone, "stdin"},
    {'s', Option::Value::kNone, "shell"},
    {'T', Option::Value::kNeeded, "command-timeout"},
    {'t', Option::Value::kNeeded, "type"},
    {'U', Option::Value::kNeeded, "other-user"},
    {'u', Option::Value::kNeeded, "user"},
    {'V', Option::Value::kNone, "version"},
    {'v', Option::Value::kNone, "validate"},
};

const Option* ByLetter(char letter) {
  for (const Option& option : kOptions) {
    if (option.letter == letter) return &option;
  }
  return nullptr;
}

const Option* ByName(const std::string& name) {
  for (const Option& option : kOptions) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// NAME=value, with a name that a shell could have.
bool IsAssignment(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  for (size_t i = 0; i < equals; ++i) {
    const char c = word[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && (i == 0 || c < '0' || c > '9')) return false;
  }
  return true;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  Arguments Parse() {
    while (result_.error.empty() && next_ < words_.size()) {
      const std::string& word = words_[next_];
      if (word == "--") {
        ++next_;
        break;
      }
      if (word.size() < 2 || word[0] != '-') break;
      ++next_;
      if (word[1] == '-') {
        ParseLong(word.substr(2));
      } else {
        ParseCluster(word);
      }
    }
    while (next_ < words_.size() && IsAssignment(words_[next_]))
      result_.assignments.push_back(words_[next_++]);
    for (; next_ < words_.size(); ++next_) result_.command.push_back(words_[next_]);
    if (result_.error.empty()) Check();
    return std::move(result_);
  }

 private:
  void ParseLong(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const Option* option = ByName(name);
    if (option == nullptr) return Refuse("--" + name);
    if (equals != std::string::npos) {
      if (option->value == Option::Value::kNone)
        return Fail("option --" + name + " takes no value");
      return Take(*option, text.substr(equals + 1));
    }
    TakeWithNext(*option, "--" + name);
  }

  // Several letters; the rest of the word is the value of one that needs one.
  void ParseCluster(const std::string& word) {
    for (size_t i = 1; i < word.size() && result_.error.empty(); ++i) {
      const Option* option = ByLetter(word[i]);
      if (option == nullptr) return Refuse(std::string("-") + word[i]);
      if (option->value == Option::Value::kNeeded && i + 1 < word.size())
        return Take(*option, word.substr(i + 1));
      TakeWithNext(*option, std::string("-") + word[i]);
    }
  }

  void TakeWithNext(const Option& option, const std::string& shown) {
    if (option.value != Option::Value::kNeeded) return Take(option, "");
    if (next_ >= words_.size()) return Fail("option " + shown + " needs a value");
    Take(option, words_[next_++]);
  }

  void Take(const Option& option, const std::string& value) {
    switch (option.letter) {
      case 'b':
        result_.background = true;
        return;
      case 'D':
        result_.directory = value;
        return;
      case 'E':
        if (value.empty()) {
          result_.keep = Arguments::Keep::kAll;
        } else {
          for (std::string& name : SplitAtCommas(value)) result_.kept.push_back(std::move(name));
        }
        return;
      case 'g':
        result_.group = value;
        return;
      case 'H':
        result_.set_home = true;
        return;
      case 'i':
        result_.shell = Shell::kLogin;
        return;
      case 's':
        if (result_.shell == Shell::kNone) result_.shell = Shell::kPlain;
        return;
      case 'u':
        result_.user = value;
        return;
      default:
        TakeOther(option);
    }
  }

  void TakeOther(const Option& option) {
    switch (option.letter) {
      case 'h':
        result_.action = Action::kHelp;
        return;
      case 'V':
        result_.action = Action::kVersion;
        return;
      case 'v':
        result_.action = Action::kValidate;
        return;
      case 'l':
        result_.action = Action::kList;
        return;
      case 'k':
      case 'K':
        forget_ = true;
        return;
      case 'e':
      case 'R':
      case 'T':
        return Fail(std::string("option --") + option.name + " is not served in a sandbox");
      default:
        // Of passwords, prompts, roles and descriptors: nothing to do.
        return;
    }
  }

  void Check() {
    if (forget_ && result_.action == Action::kRun && result_.command.empty())
      result_.action = Action::kForget;
    if (result_.action == Action::kRun && result_.command.empty() && result_.shell == Shell::kNone)
      Fail("no command was given");
  }

  void Refuse(const std::string& shown) { Fail("there is no option " + shown); }
  void Fail(const std::string& why) {
    if (result_.error.empty()) result_.error = why;
  }

  const std::vector<std::string>& words_;
  size_t next_ = 0;
  bool forget_ = false;
  Arguments result_;
};

}  // namespace

Arguments ParseArguments(const std::vector<std::string>& words) { return Parser(words).Parse(); }

}  // namespace warren::sudo
