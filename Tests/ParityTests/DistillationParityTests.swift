import EmanateAutograd
import EmanateInterchange
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

/// Losses of distillation and their gradients against `distillation/distillation.safetensors`, which
/// PyTorch's operations made from the papers' formulas in float64.
@Suite struct DistillationParityTests {
  let golden: SafetensorsContents
  let labels = [3, 0, 9, 5, 5, 1, 7, 2]

  init() throws { golden = try Safetensors.read(goldenPath("distillation/distillation.safetensors")) }

  /// The greatest difference of any two elements, over the greatest golden element.
  private func error(_ found: Tensor, _ name: String) throws -> Double {
    let expected = try golden.tensor(name)
    #expect(found.count == expected.count && found.array.allSatisfy { $0.isFinite }, "\(name)")
    let size = expected.array.reduce(0.0) { max($0, Double($1.magnitude)) }
    return greatestDifference(found, expected.reshaped(found.shape)) / size
  }

  private func check(
    _ name: String, _ inputs: [Tensor], by words: [String] = ["gradient"], within tolerance: Double = 3e-7,
    _ criterion: ([Variable]) -> Variable
  ) throws {
    let result = GradientCheck.gradients(
      inputs: inputs, weights: { Tensor(repeating: 1, $0) }, criterion)
    let loss = try error(result.value, "\(name).loss")
    #expect(loss < tolerance, "\(name)")
    for (gradient, word) in zip(result.gradients, words) {
      let slope = try error(gradient, "\(name).\(word)")
      #expect(slope < tolerance, "\(name).\(word)")
    }
  }

  private var student: Tensor { hashFilled("student", [8, 10], scale: 3) }
  private var teacher: Tensor { hashFilled("teacher", [8, 10], scale: 3) }

  @Test(arguments: [("1", Float(1)), ("4", 4), ("20", 20)])
  func `Hinton's loss is PyTorch's divergence times T squared`(name: String, temperature: Float) throws {
    try check("distillation.\(name)", [student]) {
      DistillationLoss(temperature: temperature)(student: $0[0], teacher: teacher)
    }
  }

  @Test func `its other forms are PyTorch's too`() throws {
    try check("distillation.unscaled", [student]) {
      DistillationLoss(temperature: 4, scaleByT2: false)(student: $0[0], teacher: teacher)
    }
    try check("distillation.crossEntropy", [student]) {
      DistillationLoss(temperature: 4, form: .crossEntropy)(student: $0[0], teacher: teacher)
    }
  }

  @Test func `other losses of logits are those of their papers' formulas`() throws {
    try check("standardized", [student]) {
      StandardizedDistillationLoss(temperature: 2)(student: $0[0], teacher: teacher)
    }
    try check("dist.1", [student]) { DISTLoss()(student: $0[0], teacher: teacher) }
    try check("dist.4", [student]) {
      DISTLoss(beta: 1, gamma: 2, temperature: 4)(student: $0[0], teacher: teacher)
    }
    try check("decoupled.4", [student]) {
      DecoupledLoss()(student: $0[0], teacher: teacher, labels: labels)
    }
    try check("decoupled.1", [student]) {
      DecoupledLoss(alpha: 1, beta: 0.5, temperature: 1)(student: $0[0], teacher: teacher, labels: labels)
    }
  }

  @Test func `both smoothings of labels are PyTorch's cross-entropy with their targets`() throws {
    try check("smoothed.others", [student]) { SmoothedCrossEntropy(0.1)($0[0], labels: labels) }
    try check("smoothed.all", [student]) {
      SmoothedCrossEntropy(0.1, convention: .all)($0[0], labels: labels)
    }
  }

  @Test func `a loss of an image's positions is that of the rows a mask leaves`() throws {
    let shape: Shape = [2, 5, 3, 2]
    let positions = PositionLogits(shape, classAxis: 1, counts: (0..<12).map { ($0 * 5 + 1) % 4 != 0 })
    let other = positions.rows(hashFilled("teacher", shape, scale: 3))
    try check("positions", [hashFilled("student", shape, scale: 3)]) {
      DistillationLoss()(student: positions.rows($0[0]), teacher: other)
    }
  }

  @Test func `losses of features are those of their papers' formulas`() throws {
    try check("hint", [hashFilled("student", [3, 4, 4, 3])]) {
      HintLoss()(student: $0[0], teacher: hashFilled("teacher", [3, 4, 4, 3]))
    }
    for (name, ours, theirs) in [
      ("same", [3, 2, 2, 5], [3, 2, 2, 7]), ("smaller", [3, 2, 2, 5], [3, 4, 6, 4]),
      ("larger", [2, 4, 6, 3], [2, 2, 3, 4]),
    ] as [(String, Shape, Shape)] {
      try check("attention.\(name)", [hashFilled("student", ours)]) {
        AttentionTransferLoss()(student: $0[0], teacher: hashFilled("teacher", theirs))
      }
    }
    try check("attention.patches", [hashFilled("student", [4, 9], offset: 1)]) {
      AttentionTransferLoss()(student: $0[0], teacher: hashFilled("teacher", [4, 9], offset: 1))
    }
    let inputs = [hashFilled("student", [3, 2, 2, 6]), hashFilled("alpha", [6], scale: 3)]
    try check("variational", inputs, by: ["mean", "alpha"]) {
      VariationalInformationLoss()(mean: $0[0], alpha: $0[1], teacher: hashFilled("teacher", [3, 2, 2, 6]))
    }
  }

  @Test(arguments: [("wide", 12, 16), ("flat", 2, 3)])
  func `losses of relations are those of their papers' formulas`(name: String, ours: Int, theirs: Int) throws
  {
    let (x, y) = (hashFilled("student", [8, ours]), hashFilled("teacher", [8, theirs]))
    try check("distance.\(name)", [x]) { RelationalDistanceLoss()(student: $0[0], teacher: y) }
    try check("angle.\(name)", [x]) { RelationalAngleLoss()(student: $0[0], teacher: y) }
    try check("similarity.\(name)", [x]) { SimilarityPreservingLoss()(student: $0[0], teacher: y) }
    try check("probabilistic.\(name)", [x]) { ProbabilisticTransferLoss()(student: $0[0], teacher: y) }
    try check("congruence.\(name)", [x]) { CorrelationCongruenceLoss()(student: $0[0], teacher: y) }
  }

  @Test func `contrastive distillation is the estimation that the paper writes out`() throws {
    func directions(_ name: String) -> Tensor {
      let x = hashFilled(name, [4, 12]).array.map(Double.init)
      let rows = stride(from: 0, to: 48, by: 12).flatMap { start -> [Float] in
        let row = x[start..<start + 12]
        let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return row.map { Float($0 / length) }
      }
      return Tensor(rows, [4, 12])
    }
    // Images 0, 1 and 2 are of one class, so that each has image 3 alone to be compared with.
    var fresh = ContrastiveDistillationLoss(
      images: 4, width: 12, classes: [0, 0, 0, 1], negatives: 5, seed: 1)
    fresh.restore(
      studentBank: directions("bank.student"), teacherBank: directions("bank.teacher"),
      normalizers: Tensor(repeating: 0, [2]))
    let inputs = [hashFilled("student", [3, 12]), hashFilled("teacher", [3, 12])]
    try check("contrastive", inputs, by: ["student", "teacher"], within: 7e-7) {
      var loss = fresh
      return loss(student: $0[0], teacher: $0[1], places: [0, 1, 2], step: 0)
    }
  }

  @Test func `mixtures of teachers are those of CA-MKD's formula and of plain means`() throws {
    let teachers = (0..<3).map { hashFilled("teacher.\($0)", [8, 10], scale: 3) }
    let confident = TeacherMixture(.confidence)
    for (name, found) in [
      ("weights", confident.weights(logits: teachers, labels: labels)),
      ("confidence", confident(logits: teachers, labels: labels)),
      ("mean", TeacherMixture()(logits: teachers)),
      ("given", TeacherMixture(.given([5, 2, 3]))(logits: teachers)),
    ] {
      let distance = try error(found, "mixture.\(name)")
      #expect(distance < 4e-7, "mixture.\(name)")
    }
  }
}
