import EmanateAutograd
import EmanateNetworks
import EmanateTensors

extension ParameterStore {
  /// What `network` gives in a teacher's pass: without tape, so that there is no way back, and nothing dropped; batch
  /// normalisations use the batch, as in training, and their running statistics move (main_dino.py and BYOL's code leave
  /// the teacher in training mode).
  func asTeacher(_ precision: Precision, _ network: (Pass) -> Variable) -> Tensor {
    let value: Tensor
    let updates: [BufferUpdate]
    do {
      let pass = Pass(self, mode: .evaluation, statistics: .batch, precision: precision)
      value = network(pass).value
      updates = pass.bufferUpdates
    }
    apply(updates)
    return value
  }
}
