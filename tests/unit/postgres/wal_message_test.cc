#include "postgres/wal_message.h"

#include <gtest/gtest.h>

#include "tidemark/error.h"

namespace tidemark::postgres {
namespace {

TEST(WalMessage, ReadsData) {
  const auto bytes = from_hex(
      "77"
      "000000000300002a"
      "0000000103000000"
      "0000000000000005"
      "616263");
  const auto message = parse_wal_message(bytes);
  EXPECT_EQ(message.kind, WalMessage::Kind::data);
  EXPECT_EQ(message.start.to_string(), "0/300002A");
  EXPECT_EQ(message.server_end.to_string(), "1/3000000");
  EXPECT_EQ(message.server_clock.postgres_microseconds(), 5);
  EXPECT_EQ(as_text(message.bytes), "abc");
}

TEST(WalMessage, ReadsKeepalives) {
  const auto message =
      parse_wal_message(from_hex("6b"
                                 "0000000003000000"
                                 "fffffffffffffffb"
                                 "01"));
  EXPECT_EQ(message.kind, WalMessage::Kind::keepalive);
  EXPECT_EQ(message.server_end.to_string(), "0/3000000");
  EXPECT_EQ(message.server_clock.postgres_microseconds(), -5);
  EXPECT_TRUE(message.reply_requested);
}

TEST(WalMessage, RefusesShortAndUnknownMessages) {
  for (const auto* hex : {"", "77", "770000000003000000", "6b000000000300000000000000000000", "78000000"}) {
    EXPECT_THROW(parse_wal_message(from_hex(hex)), Error) << hex;
  }
}

TEST(WalMessage, AStatusClaimsNoApply) {
  const auto status = render_status({Lsn(0x2a), Lsn(0x1b)}, Instant::from_postgres(7), true);
  EXPECT_EQ(to_hex(status),
            "72"
            "000000000000002a"
            "000000000000001b"
            "0000000000000000"
            "0000000000000007"
            "01");
}

}  // namespace
}  // namespace tidemark::postgres
