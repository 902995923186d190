#pragma once
// A look at the server about once a second, over an ordinary connection of its own: its clock and position
// (idle proofs, RPO, skew), whether commits wait for us, and the slot. Whether it answers at all also tells a
// shutdown while we do not read the stream.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "archive/shipping_rule.h"
#include "archive/status.h"
#include "postgres/connection.h"
#include "repository/repository.h"
#include "tidemark/clock.h"
#include "tidemark/stop.h"

namespace tidemark::archive {

// One look; taken in this order.
struct ServerLook {
  postgres::ServerMoment moment;
  std::optional<std::string> sync_state;
  std::optional<postgres::SlotState> slot;
};

// What does not change while the server runs.
struct ServerSettings {
  int version_number = 0;
  std::uint32_t block_bytes = 0;
  std::uint32_t catalog_version = 0;
  Microseconds wal_sender_timeout{0};  // 0: none
};

// The ordinary connection, as far as the archiver needs one; tests script it. One thread.
class ServerProbe {
 public:
  virtual ~ServerProbe() = default;
  virtual ServerLook look(const std::string& slot) = 0;
  virtual ServerSettings settings() = 0;
  virtual std::optional<postgres::SlotState> slot(const std::string& slot) = 0;
  virtual void create_slot(const std::string& slot) = 0;  // reserves WAL at once; existing: nothing
};
using OpenProbe = std::function<std::unique_ptr<ServerProbe>(const StopToken&)>;
std::unique_ptr<ServerProbe> open_server_probe(const postgres::ConnectionOptions& options,
                                               const StopToken& stop);

// The thread and what it saw last.
class ServerWatch {
 public:
  struct View {
    std::optional<ServerLook> look;    // the last one that worked
    std::optional<Instant> seen;       // when, by our clock
    std::optional<Microseconds> skew;  // server - ours
    bool answers = false;              // the last look worked
    SteadyTime failing_since;          // when it does not
  };

  // `looked` is called from the watch's thread after each look, with what it brought (null: it failed).
  ServerWatch(OpenProbe open, std::string slot, Microseconds interval, Clock& clock,
              std::function<void(const ServerLook*)> looked);
  void run(const StopToken& stop);  // the thread's body
  View view() const;

 private:
  void look_once(const StopToken& stop);
  void note_skew(Microseconds skew, Microseconds round_trip);

  const OpenProbe open_;
  const std::string slot_;
  const Microseconds interval_;
  Clock& clock_;
  const std::function<void(const ServerLook*)> looked_;
  std::unique_ptr<ServerProbe> probe_;  // the thread's
  Microseconds best_round_trip_{0};     // the thread's
  int skew_age_ = 0;                    // the thread's: looks since the skew was taken
  mutable std::mutex mutex_;            // guards view_
  View view_;
};

}  // namespace tidemark::archive
