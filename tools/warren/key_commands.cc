// `warren keys`: who may call a server over the network. On its file, without a server.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "supervisor/keys/key_file.h"
#include "tools/warren/commands.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

constexpr char kKeysFooter[] =
    R"(A key stands for a tenant: what is made with it is that tenant's, and no other tenant finds, lists or ends it. A server
demands keys over TCP once its file has had one; at its Unix socket a call without a key is the operator's.

Examples:
  warren keys create --tenant acme --label 'the nightly run'
  warren keys list
  warren keys revoke 1a2b3c4d)";
constexpr char kCreateFooter[] =
    R"(The key is printed now and never again: the file has its hash alone. It counts at once, in servers that run too.)";
constexpr char kRevokeFooter[] =
    R"(The next call with it is refused. What it has made stays its tenant's, and what goes on at the moment ends by itself.)";

struct KeyOptions {
  std::string file = kDefaultKeyFile;
  bool json = false;
};
struct CreateKeyOptions {
  KeyOptions keys;
  std::string tenant;
  bool is_operators = false;
  std::string label;
};
struct RevokeKeyOptions {
  KeyOptions keys;
  std::string id;
};

nlohmann::ordered_json KeyObject(const KeyInfo& key) {
  nlohmann::ordered_json object = {
      {"id", key.id},
      {"tenant", key.tenant == kOperatorKey ? "" : key.tenant},
      {"operator", key.tenant == kOperatorKey},
      {"label", key.label},
      {"created_at", absl::FormatTime(key.created_at, absl::UTCTimeZone())}};
  if (key.revoked_at) object["revoked_at"] = absl::FormatTime(*key.revoked_at, absl::UTCTimeZone());
  return object;
}

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::LocalTimeZone());
}

int RunCreateKey(const CreateKeyOptions& options) {
  auto file = KeyFile::OpenOrMake(options.keys.file);
  if (!file.ok()) return Fail(file.status().message());
  auto made = file->Create(options.is_operators ? kOperatorKey : options.tenant, options.label);
  if (!made.ok()) return Fail(made.status().message());
  if (options.keys.json) {
    nlohmann::ordered_json object = KeyObject(made->info);
    object["key"] = made->key;
    std::cout << JsonLine(object);
  } else {
    std::cout << made->key << "\n";
  }
  return 0;
}

int RunListKeys(const KeyOptions& options) {
  auto file = KeyFile::Open(options.file);
  if (!file.ok()) return Fail(file.status().message());
  auto keys = file->List();
  if (!keys.ok()) return Fail(keys.status().message());
  if (options.json) {
    for (const KeyInfo& key : *keys) std::cout << JsonLine(KeyObject(key));
    return 0;
  }
  if (keys->empty()) {
    std::cout << "There is no key.\n";
    return 0;
  }
  Table table({"KEY", "TENANT", "CREATED", "REVOKED", "LABEL"});
  for (const KeyInfo& key : *keys) {
    table.AddRow({Safe(key.id), key.tenant == kOperatorKey ? "(operator)" : Safe(key.tenant),
                  Day(key.created_at), key.revoked_at ? Day(*key.revoked_at) : "",
                  Safe(key.label)});
  }
  std::cout << table.Render();
  return 0;
}

int RunRevokeKey(const RevokeKeyOptions& options) {
  auto file = KeyFile::Open(options.keys.file);
  if (!file.ok()) return Fail(file.status().message());
  auto revoked = file->Revoke(options.id);
  if (!revoked.ok()) return Fail(revoked.status().message());
  std::cout << (options.keys.json ? JsonLine(KeyObject(*revoked))
                                  : absl::StrCat(Safe(revoked->id), "\n"));
  return 0;
}

void AddKeyOptions(CLI::App& command, KeyOptions* options) {
  command.add_flag("--json", options->json, "Print JSON, one object a line");
  command.add_option("--file", options->file, "The file of keys, as warrend --keys names it")
      ->type_name("FILE")
      ->envname("WARREN_KEYS")
      ->capture_default_str();
}

}  // namespace

void AddKeyCommands(CLI::App& app, int* exit_code) {
  CLI::App* group =
      app.add_subcommand("keys", "Make, list and revoke a server's API keys, as root");
  group->require_subcommand(1);

  auto create = std::make_shared<CreateKeyOptions>();
  CLI::App* command = group->add_subcommand("create", "Make a key and print it, once");
  CLI::Option* tenant = AddText(*command, "--tenant", "NAME",
                                "For whom it stands: 1 to 63 of a-z, 0-9 and -", &create->tenant);
  command
      ->add_flag(
          "--operator", create->is_operators,
          "Instead: it is the operator's, who sees every tenant's sandboxes and may call for "
          "any of them. For another Warren that has this one as a backend")
      ->excludes(tenant);
  AddText(*command, "--label", "TEXT", "What it is for; the list shows it", &create->label);
  AddKeyOptions(*command, &create->keys);
  command->footer(kCreateFooter);
  command->callback([create, tenant, exit_code] {
    if (tenant->empty() && !create->is_operators)
      throw CLI::RequiredError("--tenant NAME or --operator");
    *exit_code = RunCreateKey(*create);
  });

  auto list = std::make_shared<KeyOptions>();
  command = group->add_subcommand("list", "List the keys, by their ids, the revoked ones too");
  AddKeyOptions(*command, list.get());
  command->callback([list, exit_code] { *exit_code = RunListKeys(*list); });

  auto revoke = std::make_shared<RevokeKeyOptions>();
  command = group->add_subcommand("revoke", "Make a key worthless, for good");
  command->add_option("key", revoke->id, "Its id, as `warren keys list` shows it")
      ->type_name("ID")
      ->required();
  AddKeyOptions(*command, &revoke->keys);
  command->footer(kRevokeFooter);
  command->callback([revoke, exit_code] { *exit_code = RunRevokeKey(*revoke); });

  // Last, for a command inherits that of its group.
  group->footer(kKeysFooter);
}

}  // namespace warren
