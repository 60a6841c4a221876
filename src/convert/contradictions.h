#pragma once

#include "base/error.h"
#include "convert/folder.h"
#include "model/hugging_face.h"

namespace convert {

/// What config.json says and the tensors deny, where a model can still be made of them: an output
/// matrix of its own beside tied embeddings, biases of the attention that are in no file. Reads the
/// two matrices if both are there.
void note_contradictions(const ModelFolder& folder, const model::HuggingFaceForm& form,
                         base::Findings& findings);

}  // namespace convert
