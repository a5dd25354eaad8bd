// The command line of Warren. See command_line.cc for what it can be told.
#include <string>
#include <vector>

#include "tools/warren/command_line.h"

int main(int argc, char** argv) {
  warren::CommandLine line;
  return line.Run(std::vector<std::string>(argv + 1, argv + argc));
}
