#pragma once
// Objects as files below a folder, an object's name being its path. Folders are 0700 and files 0600, as
// objects of an unencrypted repository hold plain data.
//
// A put writes <root>/.tmp/<random>, syncs it, link()s it to its name, which never overwrites, and syncs the
// folder. One folder for all temporary files, because what a crash leaves can then be found without reading
// the whole repository: the first put of a process removes those older than a day. So everything below the
// root must be one file system. Layout and promises: docs/repository-format.md.

#include <filesystem>
#include <memory>

#include "disk/durable_ops.h"
#include "tidemark/object_store.h"

namespace tidemark::store {

// Makes nothing before the first put; a root that does not exist holds no objects. `ops` must outlive the
// store.
std::unique_ptr<ObjectStore> open_posix_store(std::filesystem::path root, disk::DurableOps& ops);

}  // namespace tidemark::store
