// Entries of an importance matrix that fit no tensor of the model.
#pragma once

#include <set>
#include <string_view>

#include "calibrate/importance.h"

namespace cli {

/// Warns of entries whose names are neither among `names`, the tensors of the model, nor those that
/// another form of the model would have (experts apart, attn_kv_b and its halves). With
/// `fewer_layers` layers beyond the last are no surprise: they were pruned.
void warn_alien_entries(const calibrate::Importance& importance,
                        const std::set<std::string_view>& names, bool fewer_layers);

}  // namespace cli
