#pragma once
// The commands, one file each. A command prints its result on standard output and returns the exit status;
// what fails is thrown as Error and reported by main.

#include "cli/environment.h"

namespace tidemark::cli {

int run_init(const Environment& environment);
int run_check(const Environment& environment);
int run_serve(const Environment& environment);
int run_backup(const Environment& environment);
int run_restore(const Environment& environment);
int run_list(const Environment& environment);
int run_status(const Environment& environment);
int run_wal_fetch(const CommandLine& line,
                  const StopToken& stop);  // reads its configuration only when it must

}  // namespace tidemark::cli
