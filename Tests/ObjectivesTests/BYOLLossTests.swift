import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

/// A row divided by its length, which is cut at 1e-6, in double precision.
private func direction(_ x: [Double]) -> [Double] {
  let length = max(x.reduce(0) { $0 + $1 * $1 }, 1e-12).squareRoot()
  return x.map { $0 / length }
}

/// ‖p̂ − ẑ‖² of every pair of different views, written out; twice the mean.
private func oracle(_ predictions: Tensor, _ targets: Tensor, globals: Int) -> Double {
  let (batch, width) = (targets.shape[0] / globals, targets.shape[1])
  func row(_ x: Tensor, _ index: Int) -> [Double] {
    direction(x[rows: index..<index + 1].array.map(Double.init))
  }
  var (total, pairs) = (0.0, 0)
  for g in 0..<globals {
    for v in 0..<predictions.shape[0] / batch where v != g {
      pairs += 1
      for b in 0..<batch {
        let (p, z) = (row(predictions, v * batch + b), row(targets, g * batch + b))
        total += (0..<width).reduce(0) { $0 + (p[$1] - z[$1]) * (p[$1] - z[$1]) } / Double(batch)
      }
    }
  }
  return 2 * total / Double(pairs)
}

@Suite struct BYOLLossTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let views, globals, batch, width: Int
    var testDescription: String { "\(globals) of \(views) views, batch \(batch), width \(width)" }
    var predictions: Tensor { hashFilled("predictions", [views * batch, width]) }
    var targets: Tensor { hashFilled("targets", [globals * batch, width], scale: 3) }
  }

  static let cases = [
    Case(views: 2, globals: 2, batch: 4, width: 20), Case(views: 2, globals: 2, batch: 1, width: 3),
    Case(views: 6, globals: 2, batch: 3, width: 33), Case(views: 4, globals: 3, batch: 2, width: 16),
    Case(views: 3, globals: 1, batch: 2, width: 40),
  ]

  @Test(arguments: cases)
  func `the loss is twice the mean squared distance of directions over pairs of different views`(
    sizes: Case
  ) {
    let loss = BYOLLoss()(Variable(sizes.predictions), targets: sizes.targets, targetViews: sizes.globals)
    let expected = oracle(sizes.predictions, sizes.targets, globals: sizes.globals)
    #expect(abs(Double(loss.scalar) - expected) < 2e-6 * expected)
  }

  @Test(arguments: cases)
  func `its gradient is the slope of the loss`(sizes: Case) {
    let check = GradientCheck(inputs: [sizes.predictions], weights: { Tensor(repeating: 2, $0) }, step: 1e-2)
    { BYOLLoss()($0[0], targets: sizes.targets, targetViews: sizes.globals) }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `predictions along their targets cost nothing, predictions against them 8`() {
    let targets = hashFilled("targets", [6, 30])
    let swapped = targets[rows: 3..<6].array + targets[rows: 0..<3].array
    for (sign, expected) in [(Float(2), Float(0)), (-0.1, 8)] {
      let predictions = Variable(Tensor(swapped.map { $0 * sign }, [6, 30]))
      let loss = BYOLLoss()(predictions, targets: targets, targetViews: 2).scalar
      #expect(abs(loss - expected) < 2e-6)
    }
  }

  @Test func `predictions and targets of length 0 give finite numbers`() {
    let (zero, some) = (Tensor(repeating: 0, [4, 8]), hashFilled("x", [4, 8]))
    for (predictions, targets) in [(zero, some), (some, zero), (zero, zero)] {
      let result = GradientCheck.gradients(inputs: [predictions], weights: { Tensor(repeating: 1, $0) }) {
        BYOLLoss()($0[0], targets: targets, targetViews: 2)
      }
      #expect(result.value.scalar == 4)
      #expect(result.gradients[0].array.allSatisfy { $0.isFinite })
    }
  }

  @Test func `predictions that somebody holds stay as they are, others give their memory to the gradient`() {
    let targets = hashFilled("targets", [4, 40])
    func gradient(holding: Bool) -> [Float] {
      let tape = Tape()
      let x = tape.variable(hashFilled("predictions", [12, 40]))
      let predictions = add(x, Variable(Tensor(repeating: 0, [12, 40])))  // of a tensor of its own
      let held = holding ? predictions.value : nil
      let place = predictions.value.pointer
      let loss = BYOLLoss()(consume predictions, targets: targets, targetViews: 2)
      tape.backward(from: loss)
      if let held { #expect(held.array == x.value.array) }
      let gradient = tape.gradient(of: x)!  // an addition hands it through
      #expect((gradient.pointer == place) == !holding)
      return gradient.array
    }
    #expect(gradient(holding: true) == gradient(holding: false))
  }

  @Test func `one, two and three threads give the same loss and gradient`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let result = GradientCheck.gradients(
          inputs: [hashFilled("predictions", [60, 256])], weights: { Tensor(repeating: 1, $0) }
        ) { BYOLLoss()($0[0], targets: hashFilled("targets", [20, 256]), targetViews: 2) }
        return [result.value.array, result.gradients[0].array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
