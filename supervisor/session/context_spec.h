#ifndef WARREN_SUPERVISOR_SESSION_CONTEXT_SPEC_H_
#define WARREN_SUPERVISOR_SESSION_CONTEXT_SPEC_H_

#include <map>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace warren {

inline constexpr char kDefaultLanguage[] = "python";
// Where every context starts that asks for nothing else (LaunchPlan).
inline constexpr char kDefaultDirectory[] = "/home/user";

// What a context is made with, and made with again when it is restarted.
struct ContextSpec {
  std::string language = kDefaultLanguage;
  // Absolute.
  std::string working_directory = kDefaultDirectory;
  // Beside the template's: the sandbox's, with the context's own over it.
  std::map<std::string, std::string> env;
  // Of one that waits in the pool: when it was made.
  absl::Time created_at = absl::Now();

  // The worker need not be told anything.
  bool plain() const {
    return language == kDefaultLanguage && working_directory == kDefaultDirectory && env.empty();
  }
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_CONTEXT_SPEC_H_
