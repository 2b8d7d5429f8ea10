import EmanateAutograd
import EmanateKernels
import EmanateNetworks
import EmanateTensors

/// Linear classifiers of one size trained side by side, one for each learning rate: their weights lie one
/// below the other, so that one product serves them all.
package struct ProbeHeads {
  private let store: ParameterStore
  private let weightPlace, biasPlace: Parameter
  private let classes: Int
  private let rates: [Double]
  private let options: LinearProbe.Options
  private var velocity: Tensor
  private var gradients: Tensor

  /// Heads of equal first weights; `rates` are per 256 rows.
  package init(width: Int, classes: Int, rates: [Double], _ options: LinearProbe.Options) {
    let scope = ParameterScope()
    weightPlace = scope.parameter("weight", [rates.count * classes, width], .zeros)
    biasPlace = scope.parameter("bias", [rates.count * classes], .zeros)
    store = ParameterStore(scope)
    (self.classes, self.rates, self.options) = (classes, rates, options)
    velocity = Tensor(repeating: 0, store.flatShape)
    gradients = Tensor(repeating: 0, store.flatShape)
    var generator = KeyedGenerator(seed: options.seed, purpose: .probe, 0)
    let first = (0..<classes * width).map { _ in Float(0.01 * generator.normal()) }
    store.set(weightPlace, to: Tensor(rates.flatMap { _ in first }, weightPlace.shape))
  }

  /// All heads' weights, [heads · C, D].
  package var weight: Tensor { store[weightPlace].copied() }
  /// All heads' biases, [heads · C].
  package var bias: Tensor { store[biasPlace].copied() }

  /// The whole training: `options.epochs` passes over features [N, D] in a random order each.
  package mutating func train(_ features: Tensor, _ labels: [Int], progress: (Int) -> Void) {
    for epoch in 0..<options.epochs {
      var generator = KeyedGenerator(seed: options.seed, purpose: .probe, 1, epoch)
      let order = generator.permutation(labels.count)
      let share = 0.5 * (1 + cosine(Double.pi * Double(epoch) / Double(options.epochs)))
      for start in stride(from: 0, to: order.count, by: options.batchSize) {
        let rows = Array(order[start..<min(start + options.batchSize, order.count)])
        step(features.gathering(rows), rows.map { labels[$0] }, rateShare: share)
      }
      progress(epoch + 1)
    }
  }

  /// One step of SGD with momentum as PyTorch has it: v ← m v + g, w ← w − rate v.
  ///
  /// batch: [B, D]; `rateShare` is where the cosine stands, 0...1. A head's loss is the batch's mean
  /// cross-entropy.
  package mutating func step(_ batch: Tensor, _ labels: [Int], rateShare: Double) {
    differentiate(batch, labels)
    let scale = Double(options.batchSize) / 256 * rateShare
    for place in [weightPlace, biasPlace] {
      let length = place.shape.count / rates.count
      for (head, rate) in rates.enumerated() {
        let start = place.part.lowerBound + head * length
        descend(start..<start + length, rate: Float(rate * scale))
      }
    }
  }

  private mutating func descend(_ part: Range<Int>, rate: Float) {
    let momentum = options.momentum
    gradients.withElements { gradient in
      velocity.withMutableElements { velocity in
        store.update { weights in
          for index in part {
            velocity[index] = momentum * velocity[index] + gradient[index]
            weights[index] -= rate * velocity[index]
          }
        }
      }
    }
  }

  private mutating func differentiate(_ batch: Tensor, _ labels: [Int]) {
    let tape = Tape()
    let pass = Pass(store, tape: tape, mode: .training)
    let logits = linear(Variable(batch), pass[weightPlace], pass[biasPlace])
    let repeated = labels.flatMap { label in Array(repeating: label, count: rates.count) }
    let loss = crossEntropy(logits.reshaped([labels.count * rates.count, classes]), labels: repeated)
    // The mean is over all heads; each head's own mean has a gradient that many times larger.
    tape.backward(from: loss, seed: Tensor([Float(rates.count)], [1]), leavesInto: &gradients)
  }

  /// Each head's accuracy on features [M, D].
  package func accuracies(_ features: Tensor, _ labels: [Int]) -> [Accuracy] {
    let pass = Pass(store, mode: .evaluation)
    let logits = linear(Variable(features), pass[weightPlace], pass[biasPlace]).value
    return EmanateEvaluation.accuracies(of: logits, heads: rates.count, labels)
  }
}

/// The accuracy of each head: logits [M, heads · C].
func accuracies(of logits: Tensor, heads: Int, _ labels: [Int]) -> [Accuracy] {
  precondition(
    logits.shape[0] == labels.count && logits.shape[1] % heads == 0,
    "accuracies: \(labels.count) labels and \(heads) heads for logits \(logits.shape)")
  let classes = logits.shape[1] / heads
  return logits.withElements { logits in
    (0..<heads).map { head in
      Accuracy(
        ranks: labels.enumerated().map { row, label in
          let start = (row * heads + head) * classes
          return rank(of: label, in: logits[start..<start + classes])
        })
    }
  }
}
