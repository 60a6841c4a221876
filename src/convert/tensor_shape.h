#pragma once

#include "convert/tensor_plan.h"

namespace convert {

/// Fills in how the pieces of `out` are stored, its shape after the change and the type in which it
/// is handed on. Throws Fault::unsupported for element types that cannot be read (naming the
/// tensor), Fault::bad_file for shapes that do not fit the change, experts of different shape, and
/// scales that are missing or of a wrong shape.
void shape_tensor(const ModelFolder& folder, const TensorPlan& plan, model::MlaForm mla,
                  OutTensor& out);

}  // namespace convert
