import EmanateNetworks
import EmanateTensors

extension ParameterStore {
  /// What `network` gives in a teacher's pass: without tape, so that there is no way back, and nothing dropped; batch
  /// normalisations use the batch, as in training, and their running statistics move (main_dino.py and BYOL's code leave
  /// the teacher in training mode).
  public func asTeacher<Result>(_ precision: Precision, _ network: (Pass) -> Result) -> Result {
    let result: Result
    let updates: [BufferUpdate]
    do {
      let pass = Pass(self, mode: .evaluation, statistics: .batch, precision: precision)
      result = network(pass)
      updates = pass.bufferUpdates
    }
    apply(updates)
    return result
  }
}
