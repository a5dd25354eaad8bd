#include "runtime/linux/socket_lookup.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// An address is compared as it lies in the packet, its first byte the lowest.
static_assert(std::endian::native == std::endian::little);

constexpr uint32_t kNamesPort = 53;

// Places in the map, of each namespace behind each other.
constexpr uint32_t kNames = 0;
constexpr uint32_t kListener = 1;
constexpr uint32_t kPlaces = 2;

// ---- bpf(2)
// ----------------------------------------------------------------------------------------------

int Bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

absl::Status BpfError(absl::string_view what) {
  return Errno(absl::StrCat(
      what, " (needs CAP_NET_ADMIN and CAP_BPF or CAP_SYS_ADMIN of the host, and Linux 5.9)"));
}

uint64_t PointerTo(const void* data) { return reinterpret_cast<uint64_t>(data); }

absl::StatusOr<UniqueFd> MakeSocketMap(uint32_t places) {
  bpf_attr attributes = {};
  attributes.map_type = BPF_MAP_TYPE_SOCKMAP;
  attributes.key_size = sizeof(uint32_t);
  attributes.value_size = sizeof(uint64_t);
  attributes.max_entries = places;
  UniqueFd map(Bpf(BPF_MAP_CREATE, attributes));
  if (!map.valid()) return BpfError("make a map of sockets");
  return map;
}

// The map does not keep the socket alive.
absl::Status PutSocket(int map, uint32_t place, int socket) {
  if (socket < 0) return absl::OkStatus();
  const uint64_t value = static_cast<uint32_t>(socket);
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(map);
  attributes.key = PointerTo(&place);
  attributes.value = PointerTo(&value);
  if (Bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0) return Errno("put a socket into a map");
  return absl::OkStatus();
}

// ---- The program
// ----------------------------------------------------------------------------------------------

// Instructions in order. A jump names a label that is put later.
class Program {
 public:
  enum Label { kPass, kDrop, kTcp, kAssign, kLabels };

  void Add(uint8_t code, int to, int from, int16_t offset, int32_t value) {
    bpf_insn instruction = {};
    instruction.code = code;
    instruction.dst_reg = static_cast<uint8_t>(to & 0xf);
    instruction.src_reg = static_cast<uint8_t>(from & 0xf);
    instruction.off = offset;
    instruction.imm = value;
    code_.push_back(instruction);
  }
  void Move(int to, int from) { Add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void Set(int to, int32_t value) { Add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void Load32(int to, int from, size_t offset) {
    Add(BPF_LDX | BPF_MEM | BPF_W, to, from, static_cast<int16_t>(offset), 0);
  }
  void Store32(int to, int16_t offset, int32_t value) {
    Add(BPF_ST | BPF_MEM | BPF_W, to, 0, offset, value);
  }
  // 32 bits of both.
  void JumpIfEqual(int left, uint32_t right, Label label) {
    jumps_.push_back({code_.size(), label});
    Add(BPF_JMP32 | BPF_JEQ | BPF_K, left, 0, 0, static_cast<int32_t>(right));
  }
  void JumpUnlessEqual(int left, uint32_t right, Label label) {
    jumps_.push_back({code_.size(), label});
    Add(BPF_JMP32 | BPF_JNE | BPF_K, left, 0, 0, static_cast<int32_t>(right));
  }
  void Jump(Label label) {
    jumps_.push_back({code_.size(), label});
    Add(BPF_JMP | BPF_JA, 0, 0, 0, 0);
  }
  void Call(int32_t function) { Add(BPF_JMP | BPF_CALL, 0, 0, 0, function); }
  void Exit() { Add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }
  // Two instructions hold 64 bits; the kernel puts the map's address into them.
  void LoadMap(int to, int map) {
    Add(BPF_LD | BPF_DW | BPF_IMM, to, BPF_PSEUDO_MAP_FD, 0, map);
    Add(0, 0, 0, 0, 0);
  }
  void Put(Label label) { places_[label] = code_.size(); }

  // Once every label is put.
  std::vector<bpf_insn> Finish() {
    for (const auto& [from, label] : jumps_) {
      code_[from].off = static_cast<int16_t>(places_[label] - from - 1);
    }
    return code_;
  }

 private:
  struct From {
    size_t place;
    Label label;
  };
  std::vector<bpf_insn> code_;
  std::vector<From> jumps_;
  size_t places_[kLabels] = {};
};

// Registers, as the kernel's calling convention has them: 1 to 5 are arguments and scratch, 6 to 9
// outlive a call.
enum { kResult = 0, kArg1, kArg2, kArg3, kContext = 6, kSocket, kVerdict, kStack = 10 };

// `first`: the namespace's own place in the map.
std::vector<bpf_insn> MakeProgram(int map, uint32_t first, uint32_t own_address) {
  constexpr int kValue = kArg2;
  constexpr int16_t kPlace = -4;
  Program program;
  // IPv6 stays the namespace's own: it has ::1, and no route.
  program.Move(kContext, kArg1);
  program.Load32(kValue, kContext, offsetof(bpf_sk_lookup, family));
  program.JumpUnlessEqual(kValue, AF_INET, Program::kPass);
  // So do its own address, and 127.0.0.0/8: the first byte of an address, which is the lowest here.
  program.Load32(kValue, kContext, offsetof(bpf_sk_lookup, local_ip4));
  program.JumpIfEqual(kValue, htonl(own_address), Program::kPass);
  program.Add(BPF_ALU | BPF_AND | BPF_K, kValue, 0, 0, 0xff);
  program.JumpIfEqual(kValue, 127, Program::kPass);
  // Of the rest, all of TCP, and of UDP what goes to the port of names (in host byte order here).
  program.Load32(kValue, kContext, offsetof(bpf_sk_lookup, protocol));
  program.JumpIfEqual(kValue, IPPROTO_TCP, Program::kTcp);
  program.JumpUnlessEqual(kValue, IPPROTO_UDP, Program::kDrop);
  program.Load32(kValue, kContext, offsetof(bpf_sk_lookup, local_port));
  program.JumpUnlessEqual(kValue, kNamesPort, Program::kDrop);
  program.Store32(kStack, kPlace, static_cast<int32_t>(first + kNames));
  program.Jump(Program::kAssign);
  program.Put(Program::kTcp);
  program.Store32(kStack, kPlace, static_cast<int32_t>(first + kListener));
  // socket = map[place]; none: it was closed.
  program.Put(Program::kAssign);
  program.LoadMap(kArg1, map);
  program.Move(kArg2, kStack);
  program.Add(BPF_ALU64 | BPF_ADD | BPF_K, kArg2, 0, 0, kPlace);
  program.Call(BPF_FUNC_map_lookup_elem);
  program.Add(BPF_JMP | BPF_JNE | BPF_K, kResult, 0, 2, 0);
  program.Set(kResult, SK_DROP);
  program.Exit();
  // verdict = assign(context, socket, no flags); the lookup's reference is given back in any case.
  program.Move(kSocket, kResult);
  program.Move(kArg1, kContext);
  program.Move(kArg2, kSocket);
  program.Set(kArg3, 0);
  program.Call(BPF_FUNC_sk_assign);
  program.Move(kVerdict, kResult);
  program.Move(kArg1, kSocket);
  program.Call(BPF_FUNC_sk_release);
  // Not assigned, the kernel would look for a listener of the sandbox's.
  program.JumpUnlessEqual(kVerdict, 0, Program::kDrop);
  program.Put(Program::kPass);
  program.Set(kResult, SK_PASS);
  program.Exit();
  program.Put(Program::kDrop);
  program.Set(kResult, SK_DROP);
  program.Exit();
  return program.Finish();
}

absl::StatusOr<UniqueFd> LoadProgram(int map, uint32_t first, uint32_t own_address) {
  const std::vector<bpf_insn> code = MakeProgram(map, first, own_address);
  // The kernel wants a text; none of the functions that are called asks what it says.
  constexpr char kLicense[] = "-";
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
  attributes.expected_attach_type = BPF_SK_LOOKUP;
  attributes.insns = PointerTo(code.data());
  attributes.insn_cnt = static_cast<uint32_t>(code.size());
  attributes.license = PointerTo(kLicense);
  UniqueFd program(Bpf(BPF_PROG_LOAD, attributes));
  if (!program.valid()) return BpfError("load a program of the type SK_LOOKUP");
  return program;
}

}  // namespace

absl::StatusOr<SocketLookup> SocketLookup::Create(uint32_t namespaces) {
  WARREN_ASSIGN_OR_RETURN(UniqueFd map, MakeSocketMap(namespaces * kPlaces));
  WARREN_RETURN_IF_ERROR(LoadProgram(map.get(), 0, 0).status());
  return SocketLookup(std::move(map));
}

absl::StatusOr<UniqueFd> SocketLookup::Attach(int network_namespace, uint32_t number,
                                              const LookupSockets& sockets) const {
  const uint32_t first = number * kPlaces;
  WARREN_RETURN_IF_ERROR(PutSocket(map_.get(), first + kNames, sockets.names));
  WARREN_RETURN_IF_ERROR(PutSocket(map_.get(), first + kListener, sockets.listener));
  WARREN_ASSIGN_OR_RETURN(UniqueFd program, LoadProgram(map_.get(), first, sockets.own_address));
  bpf_attr attributes = {};
  attributes.link_create.prog_fd = static_cast<uint32_t>(program.get());
  attributes.link_create.target_fd = static_cast<uint32_t>(network_namespace);
  attributes.link_create.attach_type = BPF_SK_LOOKUP;
  UniqueFd link(Bpf(BPF_LINK_CREATE, attributes));
  if (!link.valid()) return BpfError("attach a program to a network namespace");
  return link;
}

absl::StatusOr<UniqueFd> NetworkNamespaceOf(int socket) {
  UniqueFd name_space(::ioctl(socket, SIOCGSKNS));
  if (!name_space.valid()) return Errno("open the network namespace of a socket");
  return name_space;
}

}  // namespace warren
