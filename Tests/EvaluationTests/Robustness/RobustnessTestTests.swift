import EmanateAugmentations
import EmanateEvaluation
import EmanateNetworks
import EmanateTensors
import TestSupport
import Testing

/// What is counted, and what is said of it.
@Suite struct RobustnessTestTests {
  private let images = levels(8, 12, in: 0.4...0.6)

  private func subject(_ name: String, scale: Float = 1, bias: Float = 0, wrong: Int = 0)
    -> RobustnessTest.Subject
  {
    let network = LinearNetwork.pair(AttackTests.w, bias, scale: scale)
    var labels = AttackLoss.margins(network.logits(images), Array(repeating: 0, count: 8)).map {
      $0 < 0 ? 0 : 1
    }
    for row in 0..<wrong { labels[row] = 1 - labels[row] }
    return RobustnessTest.Subject(
      name: name, network, images: images, labels: labels, samples: Array(0..<8))
  }

  private func test(_ names: [String], _ change: (inout AttackOptions) -> Void = { _ in }) throws
    -> RobustnessTest
  {
    var options = AttackOptions()
    (options.epsilon, options.steps, options.iterations) = (0.3, 10, 60)
    (options.learningRate, options.epsilonL2) = (0.05, 1)
    change(&options)
    return RobustnessTest(
      try names.map { try #require(AttackRegistry.entry(named: $0)) }, options, batchSize: 3)
  }

  @Test func `images misread as they are are lost to every attack, and epsilon 0 loses no other`() throws {
    let results = try test(["fgsm", "pgd"]) { $0.epsilon = 0 }([subject("one", wrong: 3)])
    #expect(results[0].clean == 62.5)
    #expect(results[0].outcomes.map { $0.accuracy } == [62.5, 62.5])
    #expect(results[0].outcomes.allSatisfy { $0.misread == 0 && $0.medianDistance == nil })
  }

  @Test func `an attack's distance is the median of what it misled`() throws {
    let result = try test(["cw"])([subject("one")])[0]
    let cw = result.outcomes[0]
    #expect(result.clean == 100 && cw.accuracy == 0 && cw.misread == 8)
    let norm = AttackTests.w.reduce(0.0) { $0 + Double($1 * $1) }.squareRoot()
    let margins = AttackLoss.margins(subject("one").network.logits(images), subject("one").labels)
    let known = margins.map { Double(-$0) / norm }.sorted()
    let median = (known[3] + known[4]) / 2
    #expect(abs(try #require(cw.medianDistance) - median) < 0.1 * median)
  }

  @Test
  func `a saturated classifier looks robust to the loss's gradient, and the report says that it is not`()
    throws
  {
    let attacks = ["fgsm", "pgd", "pgd-margin", "cw", "transfer"]
    let results = try test(attacks)([subject("plain"), subject("hard", scale: 5000)])
    func accuracy(_ place: Int, _ attack: String) throws -> Double {
      try #require(results[place].outcomes.first { $0.attack == attack }).accuracy
    }
    // The plain one falls to everything.
    for attack in attacks { #expect(try accuracy(0, attack) == 0, "\(attack)") }
    #expect(results[0].masking.vanishing == 0 && results[0].notes.isEmpty)
    // The other one's decisions are the same.
    for attack in ["fgsm", "pgd"] { #expect(try accuracy(1, attack) == 100, "\(attack)") }
    for attack in ["pgd-margin", "cw", "transfer"] { #expect(try accuracy(1, attack) == 0, "\(attack)") }
    #expect(results[1].masking.zero == 100 && results[1].masking.vanishing == 100)
    #expect(results[1].masking.meanMargin > 100)
    let notes = results[1].notes.joined(separator: "\n")
    #expect(
      notes.contains(
        "hard: the loss gradient vanishes beside the logits' on 100.0 % of the images told right (exactly 0 on 100.0 %"
      ))
    #expect(notes.contains("gradient masking, not robustness"))
    #expect(notes.contains("within the same distance pgd-margin leaves 0.0 % where pgd leaves 100.0 %"))
    #expect(notes.contains("images made on plain leave 0.0 %"))
  }

  @Test func `transfer goes from each to each, and not to oneself`() throws {
    let results = try test(["transfer"])([subject("a"), subject("b", scale: 2), subject("c", wrong: 2)])
    #expect(results.map { $0.outcomes.map { $0.source } } == [["b", "c"], ["a", "c"], ["a", "b"]])
    #expect(results[2].clean == 75)
    #expect(try test(["transfer"])([subject("a")])[0].outcomes.isEmpty)
  }

  @Test func `a classifier that tells nothing right has nothing to lose`() throws {
    let result = try test(["fgsm", "cw"])([subject("none", wrong: 8)])[0]
    #expect(result.clean == 0 && result.outcomes.map { $0.accuracy } == [0, 0])
    #expect(result.masking.images == 0 && result.masking.vanishing == 0 && result.notes.isEmpty)
  }

  /// A thin network of random numbers with a classifier.
  private func classifier(_ architecture: any Architecture) -> FrozenClassifier {
    let network = FrozenNetwork(random: architecture, side: 16, preparation: .imageNet, seed: 3)
    return FrozenClassifier(
      network, weight: hashFilled("weight", [4, network.width]), bias: hashFilled("bias", [4]),
      classes: ["a", "b", "c", "d"])
  }

  @Test func `levels enter a network as its own preparation has them, and the gradient comes back by levels`()
    throws
  {
    for architecture in [
      ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 4, side: 16),
      VisionTransformerSizes(width: 24, depth: 2, heads: 3, patch: 4, side: 16),
    ] as [any Architecture] {
      let classifier = classifier(architecture)
      let attacked = AttackedClassifier(classifier)
      let images = levels(2, 3 * 16 * 16)
      let normal = Normalization.imageNet
      let normalized = images.array.enumerated().map { place, level in
        let channel = place / 256 % 3
        return (level - Float(normal.mean[channel])) / Float(normal.std[channel])
      }
      let rows = patchRows(of: Tensor(normalized, [2, 3, 16, 16]), patch: architecture.patch)
      for (found, known) in zip(attacked.logits(images).array, classifier.logits(rows).array) {
        #expect(abs(found - known) < 1e-3 * max(1, abs(known)))
      }
      // Along the gradient itself, so that a wrong place or scale of any level shows.
      let slopes = hashFilled("slopes", [2, 4])
      let gradient = attacked.gradient(images) { _ in slopes }.gradient.array
      let size: Double = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }
      func value(_ step: Double) -> Double {
        let share = Float(step / size.squareRoot())
        var moved = images.array
        for place in moved.indices { moved[place] += share * gradient[place] }
        let logits = attacked.logits(Tensor(moved, images.shape)).array
        var sum = 0.0
        for (logit, slope) in zip(logits, slopes.array) { sum += Double(logit) * Double(slope) }
        return sum
      }
      let step = 0.02
      let slope = (8 * (value(step) - value(-step)) - (value(2 * step) - value(-2 * step))) / (12 * step)
      #expect(abs(slope - size.squareRoot()) < 0.03 * size.squareRoot(), "\(slope), \(size.squareRoot())")
    }
  }

  @Test func `batch after batch a gradient comes with the logits that the same images have without one`() {
    let attacked = AttackedClassifier(
      classifier(ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 8, side: 16)))
    for batch in [50, 50, 41, 50, 7] {
      let images = levels(batch, 3 * 16 * 16, seed: UInt64(batch))
      let labels = Array(repeating: 1, count: batch)
      let known = attacked.logits(images).array
      let first = attacked.gradient(images) { AttackLoss.crossEntropy.slopes($0, labels) }
      let other = attacked.gradient(images) { AttackLoss.margin.slopes($0, labels) }
      let again = attacked.gradient(images) { AttackLoss.crossEntropy.slopes($0, labels) }
      #expect(first.logits.array == known && other.logits.array == known && again.logits.array == known)
      #expect(first.gradient.array == again.gradient.array && first.gradient.array != other.gradient.array)
    }
  }

  @Test func `threads and batches change nothing about a test`() throws {
    let attacked = AttackedClassifier(
      classifier(ResNetSizes(.basic, [1, 1, 1, 1], stem: .cifar, channels: 4, side: 16)))
    let images = levels(5, 3 * 16 * 16)
    let scores = attacked.logits(images).array
    let labels = (0..<5).map { row in (0..<4).max { scores[4 * row + $0] < scores[4 * row + $1] } ?? 0 }
    let subject = RobustnessTest.Subject(
      name: "a", attacked, images: images, labels: labels, samples: [3, 1, 4, 0, 5])
    let test = try test(["fgsm", "pgd", "pgd-l2", "cw"]) {
      ($0.steps, $0.iterations, $0.searchSteps) = (3, 5, 2)
    }
    let results = [1, 3].map { threads in withThreads(threads) { test([subject]) } }
    #expect(results[0] == results[1] && results[0][0].clean == 100)
  }
}
