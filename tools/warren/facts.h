#ifndef WARREN_TOOLS_WARREN_FACTS_H_
#define WARREN_TOOLS_WARREN_FACTS_H_

#include <string>
#include <utility>
#include <vector>

#include "warren/v1/sandbox.pb.h"

namespace warren {

// Names and values, for people. Escape foreign text before.
using Facts = std::vector<std::pair<std::string, std::string>>;

// As a table of one column of names and one of values.
void PrintFacts(const Facts& facts);

Facts LimitFacts(const v1::Limits& limits);
// What a sandbox uses, and of how much.
Facts UseFacts(const v1::SandboxMetrics& use);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FACTS_H_
