#include "tools/warren/completion/command.h"

#include <iostream>
#include <memory>
#include <string>

#include "tools/warren/client.h"
#include "tools/warren/completion/scripts.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/flags.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

// Whoever pressed a key waits for it.
constexpr absl::Duration kCompletionTimeout = absl::Seconds(1);

constexpr char kCompletionFooter[] = R"TEXT(Examples:
  source <(warren completion bash)                                  # in ~/.bashrc
  warren completion zsh >"${fpath[1]}/_warren"
  warren completion fish >~/.config/fish/completions/warren.fish)TEXT";

using Generator = std::string (*)(const std::vector<CompletionCommand>&);

// Says nothing of what goes wrong: it would land in the line that is being typed.
int ListSandboxIds(const ServerAddress& address) {
  Client client(address);
  v1::ListSandboxesResponse response;
  grpc::Status status = ListAllSandboxes(client.sandboxes(), {}, kCompletionTimeout, &response);
  if (!status.ok()) return kExitWarren;
  for (const v1::Sandbox& sandbox : response.sandboxes()) {
    std::cout << Safe(sandbox.sandbox_id()) << "\n";
  }
  return 0;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, int* exit_code) {
  auto generator = std::make_shared<Generator>();
  CLI::App* command =
      app.add_subcommand("completion", "Print what makes a shell complete the line of warren");
  AddChoice<Generator>(*command, "shell",
                       {{"bash", BashCompletion}, {"zsh", ZshCompletion}, {"fish", FishCompletion}},
                       "The shell", [generator](Generator chosen) { *generator = chosen; })
      ->required();
  command->footer(kCompletionFooter);
  command->callback([generator, &app] { std::cout << (*generator)(DescribeCommands(app)); });

  auto address = std::make_shared<ServerAddress>();
  CLI::App* sandboxes = app.add_subcommand("__sandboxes", "Print the ids of the sandboxes");
  // Hidden.
  sandboxes->group("");
  AddAddressOptions(*sandboxes, address.get());
  sandboxes->callback([address, exit_code] { *exit_code = ListSandboxIds(*address); });
}

}  // namespace warren
