import CEmanateKernels
import EmanateKernels
import EmanateNetworks

/// One sweep over a store's weights, in pieces that stay in cache while the network that follows moves toward
/// them.
struct OptimizerSweep<Update> {
  /// What a thread takes at once: a part of one parameter, and its update if it has one.
  private struct Part {
    let range: Range<Int>
    let update: Update?
  }

  private var parts: [Part] = []
  private let average: MovingAverage?
  var hasFollower: Bool { average != nil }

  /// Cuts the parameters into parts. `update` is called once a parameter, in order; nil leaves its numbers as
  /// they are, though a follower still moves toward them.
  init(
    _ store: ParameterStore, followedBy average: MovingAverage?, update: (Int, Parameter) -> Update?
  ) {
    precondition(
      average.map { $0.store.flatShape == store.flatShape } ?? true,
      "Optimizer: a follower of another network")
    self.average = average
    for (index, parameter) in store.parameters.enumerated() {
      let update = update(index, parameter)
      guard update != nil || average != nil else { continue }
      for start in stride(from: parameter.part.lowerBound, to: parameter.part.upperBound, by: 1 << 15) {
        let range = start..<min(start + 1 << 15, parameter.part.upperBound)
        parts.append(Part(range: range, update: update))
      }
    }
  }

  /// Updates piece by piece: `body` gets the parameter's update, the weights' base, and a piece's place and length.
  func callAsFunction(
    _ store: ParameterStore, _ body: (Update, UnsafeMutablePointer<Float>, _ at: Int, _ count: Int) -> Void
  ) {
    // Four arrays of such a piece, and the follower's, share the second cache.
    let piece = 1 << 13
    let momentum = average?.momentum ?? 1
    func sweep(_ w: UnsafeMutablePointer<Float>, _ follower: UnsafeMutablePointer<Float>?) {
      ThreadPool.shared.forEach(parts.count) { index in
        let part = parts[index]
        for at in stride(from: part.range.lowerBound, to: part.range.upperBound, by: piece) {
          let count = min(piece, part.range.upperBound - at)
          if let update = part.update { body(update, w, at, count) }
          if let follower { em_ema(follower + at, w + at, count, Float(momentum), Float(1 - momentum)) }
        }
      }
    }
    store.update { w in
      if let average {
        average.store.update { sweep(w.baseAddress!, $0.baseAddress!) }
      } else {
        sweep(w.baseAddress!, nil)
      }
    }
  }
}

/// Two lengths of every parameter, in the order of the store, from sums of squares over fixed blocks, so that no
/// thread count shows.
func lengths(
  of parameters: [Parameter], squares: (_ index: Int, _ part: Range<Int>) -> SIMD2<Double>
) -> [SIMD2<Double>] {
  let blockSize = 1 << 16
  var blocks: [(parameter: Int, part: Range<Int>)] = []
  for (index, parameter) in parameters.enumerated() {
    for start in stride(from: parameter.part.lowerBound, to: parameter.part.upperBound, by: blockSize) {
      blocks.append((index, start..<min(start + blockSize, parameter.part.upperBound)))
    }
  }
  let work = blocks
  let sums = [SIMD2<Double>](unsafeUninitializedCapacity: work.count) { sums, count in
    let base = sums.baseAddress!
    ThreadPool.shared.forEach(work.count) { index in
      base[index] = squares(work[index].parameter, work[index].part)
    }
    count = work.count
  }
  var totals = [SIMD2<Double>](repeating: .zero, count: parameters.count)
  for (block, sum) in zip(work, sums) { totals[block.parameter] += sum }
  return totals.map { $0.squareRoot() }
}
