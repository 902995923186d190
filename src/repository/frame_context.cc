#include "repository/frame_context.h"

namespace tidemark::repository {

codec::FrameContext& frame_context() {
  thread_local codec::FrameContext context;
  return context;
}

}  // namespace tidemark::repository
