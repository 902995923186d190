#include "archive/pipeline.h"

#include <algorithm>

#include "tidemark/error.h"

namespace tidemark::archive {

Pipeline::Pipeline(const PipelineSetup& setup, const Archives& archives,
                   const std::vector<std::unique_ptr<Chores>>& chores, const Continuation& from,
                   const wal::TimelineHistory& history, disk::DurableOps& ops, Clock& clock,
                   std::function<void()> advanced)
    : advanced_(std::move(advanced)),
      window_({.segment_size = archives.front()->segment_size(),
               .timeline = from.timeline,
               .start = from.start,
               .limit_bytes = setup.window_bytes}),
      ingest_(window_, ingest_setup(archives, from, history)),
      threads_(StopToken(), [this](const std::exception_ptr&) {
        failed_ = true;
        window_.wake();
        advanced_();
      }) {
  make_lanes(setup, archives, chores, from, clock);
  if (setup.spool) {
    Spool spool(*setup.spool, archives.front()->incarnation().system_id, from.timeline,
                archives.front()->segment_size(), ops);
    spool_ = std::make_unique<SpoolLane>(std::move(spool), window_, clock, advanced_);
  }
  lane_advanced();
  for (const auto& lane : lanes_) {
    threads_.start([&lane = *lane](const StopToken& stop) { lane.run(stop); });
  }
  if (spool_) threads_.start([this](const StopToken& stop) { spool_->run(stop); });
}

Pipeline::~Pipeline() {
  threads_.request_stop();
  window_.wake();
}

IngestSetup Pipeline::ingest_setup(const Archives& archives, const Continuation& from,
                                   const wal::TimelineHistory& history) const {
  IngestSetup setup;
  const auto& incarnation = archives.front()->incarnation();
  setup.decoder = {.segment_size = archives.front()->segment_size(),
                   .timeline = from.timeline,
                   .system_id = incarnation.system_id,
                   .major = incarnation.major};
  setup.part_ends = from.durable;
  std::erase_if(setup.part_ends, [&](Lsn lsn) { return lsn <= from.start; });
  std::sort(setup.part_ends.begin(), setup.part_ends.end());
  setup.part_ends.erase(std::unique(setup.part_ends.begin(), setup.part_ends.end()), setup.part_ends.end());
  if (!setup.part_ends.empty()) setup.compare_below = setup.part_ends.back();
  setup.read_archived = [archives, timeline = from.timeline](wal::SegmentNo segment) {
    return read_archived_prefixes(archives, timeline, segment);
  };
  for (const auto& archive : archives) {
    if (!archive->repository().options().required) continue;
    if (auto carried = read_carried_record(*archive, history, from.start)) {
      setup.carried_start = carried->start;
      setup.carried = std::move(carried->bytes);
      break;
    }
  }
  return setup;
}

void Pipeline::make_lanes(const PipelineSetup& setup, const Archives& archives,
                          const std::vector<std::unique_ptr<Chores>>& chores, const Continuation& from,
                          Clock& clock) {
  const auto source = std::find_if(archives.begin(), archives.end(), [](const auto& archive) {
    return archive->repository().options().required;
  });
  for (std::size_t i = 0; i < archives.size(); ++i) {
    const bool required = archives[i]->repository().options().required;
    LaneOptions options;
    options.required = required;
    options.rule = setup.rule;
    lanes_.push_back(std::make_unique<Lane>(archives[i], required ? nullptr : *source, options,
                                            from.durable[i], window_, *chores[i], clock,
                                            [this] { lane_advanced(); }));
  }
}

void Pipeline::lane_advanced() {
  const Lsn least = durable();
  for (const auto& lane : lanes_) {
    if (!lane->required()) lane->source_reached(least);
  }
  if (spool_) spool_->required_reached(least);
  window_.forget_commits_through(least);
  window_.wake();
  advanced_();
}

Lsn Pipeline::resume_from() const {
  const auto size = window_.options().segment_size;
  return wal::segment_of_start(window_.received(), size).start(size);
}

Lsn Pipeline::durable() const {
  Lsn least(UINT64_MAX);
  for (const auto& lane : lanes_) {
    if (lane->required()) least = std::min(least, lane->durable());
  }
  return least;
}

Lsn Pipeline::written(Lsn flush) const { return spool_ ? spool_->written(flush) : flush; }

void Pipeline::rethrow_failure() {
  if (failed_) threads_.join();
}

std::vector<LaneStatus> Pipeline::lanes() const {
  std::vector<LaneStatus> lanes;
  for (const auto& lane : lanes_) {
    lanes.push_back(lane->status());
    lanes.back().oldest_undurable_commit = window_.oldest_commit_after(lane->durable());
  }
  return lanes;
}

}  // namespace tidemark::archive
