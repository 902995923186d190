#include "archive/server_watch.h"

#include <algorithm>
#include <charconv>

#include "tidemark/error.h"

namespace tidemark::archive {
namespace {

constexpr int kSkewLooks = 60;  // after so many a worse round trip is taken too: clocks drift

std::uint64_t number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

class ConnectedProbe final : public ServerProbe {
 public:
  ConnectedProbe(const postgres::ConnectionOptions& options, const StopToken& stop)
      : connection_(options, stop) {}

  ServerLook look(const std::string& slot) override {
    ServerLook look;
    look.moment = postgres::read_server_moment(connection_);
    look.sync_state = postgres::read_sync_state(connection_, slot);
    look.slot = postgres::read_slot(connection_, slot);
    return look;
  }

  ServerSettings settings() override {
    const auto rows = connection_.query(
        "select (select setting from pg_catalog.pg_settings where name = 'wal_sender_timeout'),"
        " (select setting from pg_catalog.pg_settings where name = 'block_size'),"
        " (select catalog_version_no from pg_catalog.pg_control_system())");
    ServerSettings settings;
    settings.version_number = connection_.server_version_number();
    const auto& row = rows.rows.at(0);
    settings.wal_sender_timeout = std::chrono::milliseconds(number(row.at(0)));
    settings.block_bytes = static_cast<std::uint32_t>(number(row.at(1)));
    settings.catalog_version = static_cast<std::uint32_t>(number(row.at(2)));
    return settings;
  }

  std::optional<postgres::SlotState> slot(const std::string& slot) override {
    return postgres::read_slot(connection_, slot);
  }
  void create_slot(const std::string& slot) override { postgres::create_physical_slot(connection_, slot); }

 private:
  postgres::Connection connection_;
};

}  // namespace

std::unique_ptr<ServerProbe> open_server_probe(const postgres::ConnectionOptions& options,
                                               const StopToken& stop) {
  return std::make_unique<ConnectedProbe>(options, stop);
}

ServerWatch::ServerWatch(OpenProbe open, std::string slot, Microseconds interval, Clock& clock,
                         std::function<void(const ServerLook*)> looked)
    : open_(std::move(open)),
      slot_(std::move(slot)),
      interval_(interval),
      clock_(clock),
      looked_(std::move(looked)) {
  view_.failing_since = clock_.steady();
}

void ServerWatch::run(const StopToken& stop) {
  while (!stop.stop_requested()) {
    look_once(stop);
    clock_.sleep(interval_, stop);
  }
}

// What fails here shows in the view; the receiver's own connection decides what it means.
void ServerWatch::look_once(const StopToken& stop) {
  try {
    if (!probe_) probe_ = open_(stop);
    const Instant before = clock_.now();
    const ServerLook look = probe_->look(slot_);
    const Microseconds round_trip = clock_.now() - before;
    note_skew(look.moment.clock - (before + round_trip / 2), round_trip);
    {
      const std::lock_guard lock(mutex_);
      view_.look = look;
      view_.seen = before;
      view_.answers = true;
    }
    looked_(&look);
  } catch (const Error&) {
    probe_.reset();
    {
      const std::lock_guard lock(mutex_);
      if (view_.answers) view_.failing_since = clock_.steady();
      view_.answers = false;
    }
    looked_(nullptr);
  }
}

void ServerWatch::note_skew(Microseconds skew, Microseconds round_trip) {
  const std::lock_guard lock(mutex_);
  if (view_.skew && round_trip > best_round_trip_ && ++skew_age_ < kSkewLooks) return;
  view_.skew = skew;
  best_round_trip_ = round_trip;
  skew_age_ = 0;
}

ServerWatch::View ServerWatch::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

}  // namespace tidemark::archive
