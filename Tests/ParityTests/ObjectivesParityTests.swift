import EmanateAutograd
import EmanateInterchange
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// Losses and gradients against `parity/objectives.safetensors`, which PyTorch's operations made.
@Suite struct ObjectivesParity {
  let golden: SafetensorsContents

  init() throws { golden = try Safetensors.read(goldenPath("parity/objectives.safetensors")) }

  /// Value and gradient of a loss by one tensor are the golden ones of this name.
  private func check(
    _ name: String, at x: Tensor, within tolerance: Double = 1.2e-6,
    _ criterion: (consuming Variable) -> Variable
  ) throws {
    let tape = Tape()
    let variable = tape.variable(x)
    let value = criterion(variable)
    tape.backward(from: value)
    let gradient = try #require(tape.gradient(of: variable))
    let (loss, slope) = (try golden.tensor("\(name).loss"), try golden.tensor("\(name).gradient"))
    #expect(relativeError(value.value, loss) < tolerance, "\(name)")
    #expect(relativeError(gradient, slope) < tolerance, "\(name)")
  }

  @Test(arguments: [2, 5])
  func `BYOL's loss is that of its authors' regression loss`(views: Int) throws {
    try check("byol.\(views)", at: hashFilled("byol.predictions", [views * 6, 40])) {
      BYOLLoss()($0, targets: hashFilled("byol.targets", [12, 40]), targetViews: 2)
    }
  }

  @Test func `SimSiam's loss is that of PyTorch's cosine similarity`() throws {
    try check("simsiam", at: hashFilled("simsiam.predictions", [12, 40])) {
      SimSiamLoss()($0, projections: hashFilled("simsiam.projections", [12, 40]), projectedViews: 2)
    }
  }

  @Test(arguments: [("few", 12, 48), ("many", 24, 300)], [("0.04", Float(0.04)), ("0.07", Float(0.07))])
  func `Sinkhorn and Knopp's assignment is that of the written-out algorithm`(
    sizes: (name: String, rows: Int, prototypes: Int), temperature: (name: String, value: Float)
  ) throws {
    let logits = hashFilled("sinkhorn.logits", [sizes.rows, sizes.prototypes])
    let found = SinkhornKnopp()(logits, temperature: temperature.value)
    let expected = try golden.tensor("sinkhorn.\(sizes.name).\(temperature.name)")
    #expect(relativeError(found, expected) < 4e-7)
  }

  @Test func `DINO with Sinkhorn's targets is that of one assignment over both global views`() throws {
    var loss = DINOLoss(prototypes: 32, centering: .sinkhorn)
    try check("dino.sinkhorn", at: hashFilled("loss.student", [24, 32]), within: 1.5e-6) {
      loss(
        student: $0, teacher: hashFilled("loss.teacher", [8, 32]), globalViews: 2, teacherTemperature: 0.07)
    }
  }

  @Test func `KoLeo's loss is that of PyTorch's pairwise distance, equal rows included`() throws {
    var features = hashFilled("koleo.features", [24, 40])
    try check("koleo", at: features) { KoLeoLoss()($0, crops: 2) }
    features.withMutableElements { x in for i in 0..<40 { x[3 * 40 + i] = x[9 * 40 + i] } }
    try check("koleo.twins", at: features) { KoLeoLoss()($0, crops: 2) }
  }

  @Test func `iBOT's loss and center are those of a masked mean, centered or assigned`() throws {
    let weights = [3, 8, 1, 5].flatMap { Array(repeating: 1 / Float($0), count: $0) }
    let teacher = hashFilled("ibot.teacher", [17, 48])
    for (name, centering) in [("ema", Centering.ema), ("sinkhorn", .sinkhorn)] {
      var loss = IBOTLoss(prototypes: 48, centering: centering)
      loss.setCenter(hashFilled("ibot.center", [1, 48], scale: 0.1))
      try check("ibot.\(name)", at: hashFilled("ibot.student", [17, 48])) {
        loss(student: $0, teacher: teacher, weights: weights, crops: 6, teacherTemperature: 0.07)
      }
      loss.noteTeacher(teacher)
      loss.moveCenter()
      if centering == .ema {
        #expect(relativeError(loss.center, try golden.tensor("ibot.ema.center")) < 1e-6)
      }
    }
  }

  @Test func `Mean Teacher's costs and ramp are those of its authors' formulas`() throws {
    try check("consistency", at: hashFilled("consistency.student", [8, 10], scale: 3)) {
      ConsistencyLoss()($0, teacher: hashFilled("consistency.teacher", [8, 10], scale: 3))
    }
    try check("labelled", at: hashFilled("labelled.logits", [8, 10], scale: 3)) {
      LabelledCrossEntropy()($0, labels: [3, nil, 0, 9, nil, nil, 7, 1])
    }
    let ramp = [0, 0.25, 0.5, 0.75, 1].map { Float(ConsistencyLoss.rampUp(at: $0)) }
    #expect(relativeError(Tensor(ramp, [5]), try golden.tensor("ramp")) < 1e-7)
  }

  @Test(arguments: [("1", Float(1)), ("4", 4)])
  func `a soft cross-entropy is PyTorch's of divided logits`(name: String, temperature: Float) throws {
    let z = hashFilled("soft.target", [8, 10], scale: 3).array.map(Double.init)
    let probabilities = stride(from: 0, to: 80, by: 10).flatMap { row -> [Float] in
      let total = z[row..<row + 10].reduce(0) { $0 + exp($1) }
      return z[row..<row + 10].map { Float(exp($0) / total) }
    }
    try check("soft.\(name)", at: hashFilled("soft.logits", [8, 10], scale: 3)) {
      SoftCrossEntropy(temperature: temperature)($0, probabilities: Tensor(probabilities, [8, 10]))
    }
  }
}
