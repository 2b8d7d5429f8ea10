import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct LinearProbeTests {
  private func options(epochs: Int = 20, rates: [Double]? = nil) -> LinearProbe.Options {
    var options = LinearProbe.Options()
    options.epochs = epochs
    if let rates { options.learningRates = rates }
    return options
  }

  @Test("Classes that a plane separates are all found")
  func separable() throws {
    let labels = (0..<600).map { $0 % 5 }
    let probe = try LinearProbe(
      features: cloud(600, 16, seed: 1, labels: labels), labels: labels, classes: 5, options: options())
    let accuracy = probe.accuracy(
      features: cloud(200, 16, seed: 2, labels: Array(labels.prefix(200))), labels: Array(labels.prefix(200)))
    #expect(accuracy.top1 > 99 && accuracy.top5 == 100)
    #expect(probe.trials.map(\.learningRate) == options().learningRates)
    #expect(probe.trials.contains { $0.learningRate == probe.learningRate })
  }

  @Test("Two steps of two heads equal SGD with momentum in double precision")
  func steps() {
    let (width, classes, rows) = (6, 3, 5)
    let rates = [0.5, 2.0]
    var options = options(rates: rates)
    options.batchSize = 64
    var heads = ProbeHeads(width: width, classes: classes, rates: rates, options)
    let labels = [0, 2, 1, 1, 0]
    let x = cloud(rows, width, seed: 8)
    let first = heads.weight.array.map(Double.init)
    #expect(Array(first[..<18]) == Array(first[18...]))
    for share in [1.0, 0.25] { heads.step(x, labels, rateShare: share) }

    let inputs = (0..<rows).map { x[rows: $0..<$0 + 1].array.map(Double.init) + [1] }
    for (head, rate) in rates.enumerated() {
      // The bias is the weight of an input that is always 1.
      var w = (0..<classes).map { c in Array(first[c * width..<(c + 1) * width]) + [0.0] }
      var v = w.map { $0.map { _ in 0.0 } }
      for share in [1.0, 0.25] {
        var gradient = w.map { $0.map { _ in 0.0 } }
        for (input, label) in zip(inputs, labels) {
          let scores = w.map { exp(zip($0, input).reduce(0) { $0 + $1.0 * $1.1 }) }
          for c in 0..<classes {
            let error = scores[c] / scores.reduce(0, +) - (c == label ? 1 : 0)
            for i in 0...width { gradient[c][i] += error * input[i] / Double(rows) }
          }
        }
        for c in 0..<classes {
          for i in 0...width {
            v[c][i] = 0.9 * v[c][i] + gradient[c][i]
            w[c][i] -= rate * 64 / 256 * share * v[c][i]
          }
        }
      }
      let weight = heads.weight[rows: head * classes..<(head + 1) * classes].array
      let bias = heads.bias.array
      for c in 0..<classes {
        for i in 0..<width { #expect(abs(Double(weight[c * width + i]) - w[c][i]) < 1e-5) }
        #expect(abs(Double(bias[head * classes + c]) - w[c][width]) < 1e-5)
      }
    }
  }

  @Test("The probe is the same for 1, 2 and 3 threads, and another for another seed")
  func threads() throws {
    let labels = (0..<300).map { $0 % 4 }
    let features = cloud(300, 40, seed: 3, labels: labels, spread: 6)
    func weights(threads: Int, seed: UInt64) throws -> [Float] {
      var options = options(epochs: 3)
      options.seed = seed
      return try withThreads(threads) {
        try LinearProbe(features: features, labels: labels, classes: 4, options: options).weight.array
      }
    }
    let one = try weights(threads: 1, seed: 0)
    #expect(try weights(threads: 2, seed: 0) == one)
    #expect(try weights(threads: 3, seed: 0) == one)
    #expect(try weights(threads: 1, seed: 1) != one)
  }

  @Test("Where no class has two images the probe says so")
  func tooFew() {
    #expect(throws: LinearProbeError.nothingToHoldOut(rows: 3)) {
      try LinearProbe(features: cloud(3, 4, seed: 1), labels: [0, 1, 2], classes: 3)
    }
  }
}
