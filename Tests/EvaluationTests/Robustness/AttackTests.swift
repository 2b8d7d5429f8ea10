import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import Testing

/// Attacks on a linear classifier, where the best an attacker can do is known.
@Suite struct AttackTests {
  static let w: [Float] = [0.8, -0.5, 0.3, 1.2, -0.9, 0.1, -0.2, 0.7, 0.4, -1.1, 0.6, -0.3]
  static let labels = [0, 1, 0, 1, 0]

  /// Images in the middle of the range, where no border is in the way.
  private let images = levels(5, 12, in: 0.4...0.6)
  private let network = LinearNetwork.pair(w, -0.4)

  private func options(_ change: (inout AttackOptions) -> Void = { _ in }) -> AttackOptions {
    var options = AttackOptions()
    options.steps = 40
    change(&options)
    return options
  }

  private func offsets(_ attacked: Tensor, _ row: Int, _ original: Tensor? = nil) -> [Float] {
    let other = (original ?? images)[rows: row..<row + 1].array
    return zip(attacked[rows: row..<row + 1].array, other).map { $0 - $1 }
  }

  private func length(_ offsets: [Float]) -> Double {
    offsets.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test func `FGSM moves every level by epsilon against its own class, the optimum for a linear classifier`()
  {
    let attacked = FGSM(epsilon: 0.05)(images, labels: Self.labels, samples: [0, 1, 2, 3, 4], on: network)
    for (row, label) in Self.labels.enumerated() {
      let best = Self.w.map { ($0 > 0) == (label == 0) ? Float(-0.05) : 0.05 }
      for (moved, wanted) in zip(offsets(attacked, row), best) { #expect(abs(moved - wanted) < 1e-6) }
    }
  }

  @Test(arguments: [AttackLoss.crossEntropy, .margin])
  func `PGD reaches the optimum of both balls, from a random start`(loss: AttackLoss) {
    let norm = length(Self.w)
    // A margin that no step turns over, so that every start goes to its end.
    let sure = LinearNetwork.pair(Self.w, 50, scale: 0.1)
    let options = options { ($0.epsilon, $0.epsilonL2, $0.stepSize) = (0.05, 0.15, 0.05) }
    let labels = [0, 0, 0, 0, 0]
    let square = PGD(.linf, loss, options)(images, labels: labels, samples: [0, 1, 2, 3, 4], on: sure)
    let ball = PGD(.l2, loss, options)(images, labels: labels, samples: [0, 1, 2, 3, 4], on: sure)
    for row in labels.indices {
      for (moved, w) in zip(offsets(square, row), Self.w) {
        #expect(abs(moved - (w > 0 ? -0.05 : 0.05)) < 1e-6)
      }
      for (moved, w) in zip(offsets(ball, row), Self.w) {
        #expect(abs(Double(moved) + 0.15 * Double(w) / norm) < 2e-3)
      }
    }
  }

  @Test(arguments: [AttackNorm.linf, .l2])
  func `no attack leaves its ball or the range of levels, also at the borders`(norm: AttackNorm) {
    let images = levels(6, 12)
    let labels = [0, 1, 0, 1, 1, 0]
    for (loss, restarts) in [(AttackLoss.crossEntropy, 1), (.margin, 3)] {
      let options = options { ($0.epsilon, $0.epsilonL2, $0.restarts, $0.steps) = (0.3, 0.7, restarts, 5) }
      let attacked = PGD(norm, loss, options, stopsWhenMisread: false)(
        images, labels: labels, samples: Array(0..<6), on: network)
      #expect(attacked.array.allSatisfy { (0...1).contains($0) })
      for row in labels.indices {
        let moved = offsets(attacked, row, images)
        switch norm {
        case .linf: #expect(moved.allSatisfy { abs($0) <= 0.3 + 1e-6 })
        case .l2: #expect(length(moved) <= 0.7 + 1e-5)
        }
        #expect(length(moved) > 0.1)
      }
    }
    let far = FGSM(epsilon: 2)(images, labels: labels, samples: Array(0..<6), on: network)
    #expect(far.array.allSatisfy { $0 == 0 || $0 == 1 })
  }

  @Test func `epsilon 0 changes nothing`() {
    let options = options { ($0.epsilon, $0.epsilonL2) = (0, 0) }
    for attack in [FGSM(epsilon: 0), PGD(.linf, .margin, options), PGD(.l2, .margin, options)] as [any Attack]
    {
      let attacked = attack(images, labels: Self.labels, samples: [0, 1, 2, 3, 4], on: network)
      #expect(attacked.array == images.array)
    }
  }

  @Test func `Carlini and Wagner find the distance to the plane that parts two classes`() {
    let norm = length(Self.w)
    let scores = AttackLoss.margins(network.logits(images), [0, 0, 0, 0, 0]).map { -$0 }
    let labels = scores.map { $0 > 0 ? 0 : 1 }
    let attack = CarliniWagner(options { ($0.iterations, $0.learningRate) = (200, 0.02) })
    let attacked = attack(images, labels: labels, samples: [0, 1, 2, 3, 4], on: network)
    for (row, score) in scores.enumerated() {
      let known = Double(abs(score)) / norm
      let found = length(offsets(attacked, row))
      #expect(found >= known - 1e-5 && found < 1.03 * known + 1e-3, "\(found), known \(known)")
      let margin = AttackLoss.margins(network.logits(attacked[rows: row..<row + 1]), [labels[row]])[0]
      #expect(margin > 0)
    }
  }

  @Test func `confidence takes Carlini and Wagner as much farther`() {
    let labels = AttackLoss.margins(network.logits(images), [0, 0, 0, 0, 0]).map { $0 < 0 ? 0 : 1 }
    let attack = CarliniWagner(options { ($0.confidence, $0.iterations, $0.learningRate) = (0.3, 200, 0.02) })
    let attacked = attack(images, labels: labels, samples: [0, 1, 2, 3, 4], on: network)
    let margins = AttackLoss.margins(network.logits(attacked), labels)
    let before = AttackLoss.margins(network.logits(images), labels)
    for row in labels.indices {
      #expect(margins[row] >= 0.3 && margins[row] < 0.35)
      let known = Double(0.3 - before[row]) / length(Self.w)
      #expect(length(offsets(attacked, row)) < 1.03 * known + 1e-3)
    }
  }

  @Test func `an image that is misread already, and one that cannot be misread, come back as they are`() {
    let wrong = AttackLoss.margins(network.logits(images), [0, 0, 0, 0, 0]).map { $0 < 0 ? 1 : 0 }
    let attack = CarliniWagner(options { $0.iterations = 20 })
    #expect(attack(images, labels: wrong, samples: [0, 1, 2, 3, 4], on: network).array == images.array)
    // 50 ahead: no image of 0...1 is on the other side.
    let sure = LinearNetwork.pair(Self.w, 50)
    let zeros = [0, 0, 0, 0, 0]
    #expect(attack(images, labels: zeros, samples: zeros, on: sure).array == images.array)
  }

  @Test func `a saturated softmax stops the loss's gradient and not the margin's`() {
    // Margins of some hundreds: p of every other class is 0 in float32.
    let saturated = LinearNetwork.pair(Self.w, 0.5, scale: 1000)
    let labels = AttackLoss.margins(saturated.logits(images), [0, 0, 0, 0, 0]).map { $0 < 0 ? 0 : 1 }
    let options = options { $0.epsilon = 0.3 }
    let fgsm = FGSM(epsilon: 0.3)(images, labels: labels, samples: [0, 1, 2, 3, 4], on: saturated)
    #expect(fgsm.array == images.array)
    let seeing = PGD(.linf, .margin, options)(
      images, labels: labels, samples: [0, 1, 2, 3, 4], on: saturated)
    #expect(AttackLoss.margins(saturated.logits(seeing), labels).allSatisfy { $0 > 0 })
  }

  @Test func `starts are keyed by seed, image and restart, not by the batch or the threads`() {
    for norm in [AttackNorm.linf, .l2] {
      let attack = PGD(norm, .margin, options { ($0.steps, $0.restarts, $0.stepSize) = (3, 2, 1e-3) })
      let sure = LinearNetwork.pair(Self.w, 50)
      let zeros = [0, 0, 0, 0, 0]
      let together = attack(images, labels: zeros, samples: [4, 9, 2, 7, 1], on: sure)
      let alone = attack(images[rows: 2..<3], labels: [0], samples: [2], on: sure)
      #expect(together[rows: 2..<3].array == alone.array)
      let other = PGD(
        norm, .margin, options { ($0.steps, $0.restarts, $0.stepSize, $0.seed) = (3, 2, 1e-3, 1) })(
          images, labels: zeros, samples: [4, 9, 2, 7, 1], on: sure)
      #expect(other.array != together.array)
    }
  }

  @Test func `more starts never leave an image with less margin`() {
    let labels = Self.labels
    func margins(_ restarts: Int) -> [Float] {
      let options = options { ($0.steps, $0.restarts, $0.stepSize) = (1, restarts, 1e-3) }
      let attacked = PGD(.linf, .margin, options, stopsWhenMisread: false)(
        images, labels: labels, samples: [0, 1, 2, 3, 4], on: network)
      return AttackLoss.margins(network.logits(attacked), labels)
    }
    #expect(zip(margins(1), margins(6)).allSatisfy { $0 <= $1 })
    #expect(margins(1) != margins(6))
  }

  @Test func `slopes of both losses agree with differences`() {
    let logits = Tensor(cloud(4, 5, seed: 2).array, [4, 5])
    let labels = [0, 3, 4, 2]
    func loss(_ kind: AttackLoss, _ values: [Float]) -> Double {
      labels.enumerated().reduce(0.0) { sum, item in
        let row = values[item.offset * 5..<item.offset * 5 + 5].map(Double.init)
        switch kind {
        case .crossEntropy:
          return sum + logarithm(row.reduce(0.0) { $0 + exponential($1) }) - row[item.element]
        case .margin:
          return sum + row.enumerated().filter { $0.offset != item.element }.map(\.element).max()!
            - row[item.element]
        }
      }
    }
    for kind in [AttackLoss.crossEntropy, .margin] {
      let slopes = kind.slopes(logits, labels).array
      for place in 0..<20 {
        var (up, down) = (logits.array, logits.array)
        up[place] += 0x1p-8
        down[place] -= 0x1p-8
        let slope = (loss(kind, up) - loss(kind, down)) / Double(up[place] - down[place])
        #expect(abs(slope - Double(slopes[place])) < 1e-4)
      }
    }
  }

  @Test func `every attack has a name and a line, and changes images within 0 to 1 only`() {
    #expect(Set(AttackRegistry.all.map { $0.name }).count == AttackRegistry.all.count)
    for entry in AttackRegistry.all {
      #expect(!entry.summary.isEmpty && entry.summary.count <= 100)
      let attack = entry.make(options { ($0.steps, $0.iterations, $0.searchSteps) = (3, 5, 2) })
      let attacked = attack(images, labels: Self.labels, samples: [0, 1, 2, 3, 4], on: network)
      #expect(attacked.shape == images.shape && attacked.array.allSatisfy { (0...1).contains($0) })
      let again = attack(images, labels: Self.labels, samples: [0, 1, 2, 3, 4], on: network)
      #expect(again.array == attacked.array)
    }
  }
}
