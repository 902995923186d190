#pragma once
// Asks every database what its relations are called, for the manifest's names. What cannot be asked is left
// out with a warning: names are a convenience of later, no part of the backup's soundness.

#include <string>
#include <vector>

#include "backup/backup_session.h"
#include "catalog/names.h"
#include "postgres/connection.h"

namespace tidemark::backup {

catalog::RememberedNames read_names(BackupSession& session, const postgres::ConnectionOptions& options,
                                    const StopToken& stop, std::vector<std::string>& warnings);

// `connection_string` (keywords and values, or a URI) leading to another database of the same server.
std::string with_database(const std::string& connection_string, const std::string& database);

}  // namespace tidemark::backup
