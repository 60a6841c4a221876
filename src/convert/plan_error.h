#pragma once

#include "base/error.h"
#include "convert/tensor_plan.h"

namespace convert {

/// What model::describe and model::validate say about the file that would be written, in the words
/// of the folder: the key of config.json beside the one of GGUF, the name of the tensor there and
/// its file. `plan` may be half made.
base::Error in_words_of_folder(const base::Error& e, const ModelFolder& folder,
                               const TensorPlan& plan);

/// What the folder's own files contradict: the file that an error about a key of config.json or a
/// tensor means, and what can be done, where the error does not say so itself.
void add_place(base::Error& e, const ModelFolder& folder);

}  // namespace convert
