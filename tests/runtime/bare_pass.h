// What code under a layer needs to run alone: a pass over no model, with the reference kernels.
#pragma once

#include "kernels/table.h"
#include "runtime/pass.h"

namespace test {

/// `pass` refers to the other members: neither copied nor moved.
struct BarePass {
  explicit BarePass(std::size_t n_threads) : team(n_threads) {}
  BarePass(const BarePass&) = delete;
  BarePass& operator=(const BarePass&) = delete;

  runtime::Team team;
  base::SilentProgress progress = {};
  base::StopFlag stop = {};
  runtime::Runtime runtime{.team = team,
                           .kernels = *kernels::find_table("reference"),
                           .progress = progress,
                           .stop = stop};
  model::ModelSpec spec = {};
  runtime::LayerWeights weights = {};
  runtime::Batch batch = {};
  runtime::KvCache cache{{}, kernels::CacheType::f32};
  runtime::Workspace work = {};
  runtime::Pass pass{.spec = spec,
                     .layer = -1,
                     .weights = weights,
                     .ends = weights,
                     .batch = batch,
                     .cache = cache,
                     .cache_slot = 0,
                     .context = 0,
                     .mla = runtime::MlaMode::automatic,
                     .observers = {},
                     .runtime = runtime,
                     .work = work};
};

}  // namespace test
