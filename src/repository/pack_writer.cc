#include <optional>

#include "repository/backup_store.h"
#include "repository/pack_contents.h"
#include "tidemark/error.h"

namespace tidemark::repository {

struct PackWriter::State {
  const Repository& repository;
  catalog::Incarnation incarnation;
  BackupId id;
  std::uint64_t target_bytes;
  std::function<std::uint32_t()> next_number;
  codec::FrameContext context;
  std::optional<codec::ObjectWriter> writer;  // unset: the next add() begins a pack
  std::string name;
  PackContents contents;
  std::uint64_t live_bytes = 0;

  void begin() {
    contents = {id, next_number(), {}};
    name = catalog::pack_name(incarnation, id, contents.pack);
    writer.emplace(repository.secrets(), codec::ObjectKind::pack, name,
                   repository.options().compression_level, context);
    // One frame may pass the target; memory that is never touched costs nothing.
    writer->reserve(target_bytes + 2 * codec::kFramePlainLimit);
    live_bytes = 0;
  }
};

PackWriter::PackWriter(const Repository& repository, catalog::Incarnation incarnation, BackupId id,
                       std::uint64_t target_bytes, std::function<std::uint32_t()> next_number)
    : state_(new State{
          repository, std::move(incarnation), id, target_bytes, std::move(next_number), {}, {}, {}, {}, 0}) {}
PackWriter::~PackWriter() = default;

catalog::FrameLocation PackWriter::add(ByteView plain, const Hash128& hash) {
  State& state = *state_;
  if (!state.writer) state.begin();
  const codec::FramePlace place = state.writer->add_frame(plain, hash);
  state.contents.frames.push_back({place.stored_bytes, static_cast<std::uint32_t>(plain.size()), hash});
  state.live_bytes += place.stored_bytes;
  return {0, state.contents.pack, place.number, place.offset, place.stored_bytes};
}

bool PackWriter::full() const {
  return state_->writer && (state_->writer->size() >= state_->target_bytes ||
                            state_->contents.frames.size() >= kFramesPerPackLimit);
}

bool PackWriter::empty() const { return !state_->writer; }

FinishedPack PackWriter::finish() {
  State& state = *state_;
  TIDEMARK_CHECK(state.writer.has_value());
  state.writer->finish(state.contents.serialize());
  FinishedPack pack{state.name, state.contents.pack, state.writer->take(), state.live_bytes};
  state.writer.reset();
  return pack;
}

}  // namespace tidemark::repository
