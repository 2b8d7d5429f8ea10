import CEmanateKernels

/// Which inputs an output pixel sees along one axis, and with what weights.
struct ResamplingAxis {
  var outputs = 0
  var taps = 0
  var first: [Int32] = []
  var count: [Int32] = []
  var weights: [Int32] = []

  mutating func fill(
    inputs: Int, from start: Float, to end: Float, outputs: Int, filter: ResamplingFilter,
    scratch: inout [Double]
  ) {
    precondition(outputs > 0, "Resampling: \(outputs) pixels; at least 1 is needed")
    self.outputs = outputs
    taps = emanate_axis_taps(start, end, outputs, filter == .bicubic ? 2 : 1)
    if first.count < outputs {
      first = [Int32](repeating: 0, count: outputs)
      count = first
    }
    if weights.count < taps * outputs { weights = [Int32](repeating: 0, count: taps * outputs) }
    if scratch.count < (taps + 2) * outputs {
      scratch = [Double](repeating: 0, count: (taps + 2) * outputs)
    }
    emanate_axis_weights(
      filter == .bicubic ? 1 : 0, inputs, start, end, outputs, taps, &first, &count, &weights, &scratch)
  }

  func withPointer<Result>(_ body: (UnsafePointer<emanate_axis>) -> Result) -> Result {
    first.withUnsafeBufferPointer { first in
      count.withUnsafeBufferPointer { count in
        weights.withUnsafeBufferPointer { weights in
          var axis = emanate_axis(
            outputs: outputs, taps: taps, first: first.baseAddress, count: count.baseAddress,
            weights: weights.baseAddress)
          return withUnsafePointer(to: &axis, body)
        }
      }
    }
  }
}
