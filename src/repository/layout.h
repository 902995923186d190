#pragma once
// tidemark.json: docs/repository-format.md. Readable without any key, written once.

#include "tidemark/bytes.h"
#include "tidemark/identity.h"

namespace tidemark::repository {

struct Layout {
  RepositoryId repository;
  bool encrypted = false;
};

Bytes render_layout(const Layout& layout);
Layout parse_layout(ByteView json);  // Error corrupt; config/"newer_layout"

}  // namespace tidemark::repository
