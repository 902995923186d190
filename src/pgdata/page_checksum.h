#pragma once
// Page checksums by PostgreSQL's rule: postgres-notes 3.3; storage/checksum_impl.h, basebackup.c
// verify_page_checksum.

#include <cstdint>

#include "tidemark/bytes.h"
#include "tidemark/lsn.h"

namespace tidemark::pgdata {

// The checksum that a page at absolute block number `block` must carry. `page` is one block (8192 bytes).
std::uint16_t page_checksum(ByteView page, std::uint32_t block);
std::uint16_t stored_page_checksum(ByteView page);  // what the page's header says
Lsn page_lsn(ByteView page);                        // two u32, high word first
bool all_zero(ByteView bytes);                      // of any length; true for none

enum class PageVerdict {
  good,   // checksum matches
  empty,  // all zero
  newer,  // LSN in [backup start, current insert]: WAL will replay it
  bad,
};
// `insert_lsn`: the server's position now; a higher page LSN is garbage and counts as bad.
PageVerdict judge_page(ByteView page, std::uint32_t block, Lsn backup_start, Lsn insert_lsn);

}  // namespace tidemark::pgdata
