import EmanateNetworks
import EmanateTensors
import TestSupport

/// Gradients of every parameter; parts between parameters hold NaN, which nobody may read.
func gradients(_ store: ParameterStore, step: Int) -> Tensor {
  var flat = Tensor(repeating: .nan, store.flatShape)
  flat.withMutableElements { to in
    for parameter in store.parameters {
      let values = hashFilled("\(parameter.name).\(step)", parameter.shape).array
      for (i, value) in values.enumerated() { to[parameter.part.lowerBound + i] = value }
    }
  }
  return flat
}
