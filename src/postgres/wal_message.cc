#include "postgres/wal_message.h"

#include <fmt/format.h>

#include "tidemark/error.h"

namespace tidemark::postgres {

namespace {

constexpr std::size_t kDataHeaderBytes = 1 + 3 * 8;
constexpr std::size_t kKeepaliveBytes = 1 + 2 * 8 + 1;

std::uint64_t load_big_endian(const Byte* from) { return __builtin_bswap64(load_le<std::uint64_t>(from)); }
void store_big_endian(Byte* to, std::uint64_t value) { store_le(to, __builtin_bswap64(value)); }

Instant load_clock(const Byte* from) {
  return Instant::from_postgres(static_cast<std::int64_t>(load_big_endian(from)));
}

void require(ByteView message, std::size_t bytes) {
  if (message.size() >= bytes) return;
  throw Error(ErrorKind::corrupt, fmt::format("a replication message of kind '{}' has only {} bytes",
                                              static_cast<char>(message[0]), message.size()));
}

}  // namespace

WalMessage parse_wal_message(ByteView message) {
  if (message.empty()) throw Error(ErrorKind::corrupt, "an empty replication message");
  WalMessage parsed;
  switch (message[0]) {
    case 'w':
      require(message, kDataHeaderBytes);
      parsed.kind = WalMessage::Kind::data;
      parsed.start = Lsn(load_big_endian(message.data() + 1));
      parsed.server_end = Lsn(load_big_endian(message.data() + 9));
      parsed.server_clock = load_clock(message.data() + 17);
      parsed.bytes = message.subspan(kDataHeaderBytes);
      return parsed;
    case 'k':
      require(message, kKeepaliveBytes);
      parsed.server_end = Lsn(load_big_endian(message.data() + 1));
      parsed.server_clock = load_clock(message.data() + 9);
      parsed.reply_requested = message[17] != 0;
      return parsed;
    default:
      throw Error(ErrorKind::corrupt,
                  fmt::format("a replication message of the unknown kind 0x{:02x}", message[0]));
  }
}

StatusMessage render_status(const StandbyPositions& positions, Instant now, bool request_reply) {
  StatusMessage message{};
  message[0] = 'r';
  store_big_endian(message.data() + 1, positions.write.value());
  store_big_endian(message.data() + 9, positions.flush.value());
  store_big_endian(message.data() + 17, 0);
  store_big_endian(message.data() + 25, static_cast<std::uint64_t>(now.postgres_microseconds()));
  message[33] = request_reply ? 1 : 0;
  return message;
}

}  // namespace tidemark::postgres
