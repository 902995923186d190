#pragma once
// The calling thread's contexts for sealing and opening frames. What they return is valid until the thread's
// next use, so nothing that a caller may keep is left in them.

#include "codec/object.h"

namespace tidemark::repository {

codec::FrameContext& frame_context();

}  // namespace tidemark::repository
