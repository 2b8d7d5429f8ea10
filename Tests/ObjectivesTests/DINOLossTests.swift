import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import Foundation
import TestSupport
import Testing

/// The authors' formula, a softmax and a log-softmax for each pair of different views, in double precision.
private func oracle(
  student: [Double], teacher: [Double], center: [Double], views: Int, globals: Int, batch: Int,
  studentTemperature: Double, teacherTemperature: Double
) -> Double {
  let K = center.count
  func logSoftmax(_ x: [Double]) -> [Double] {
    let top = x.max()!
    let logSum = top + log(x.reduce(0) { $0 + exp($1 - top) })
    return x.map { $0 - logSum }
  }
  var (total, pairs) = (0.0, 0)
  for g in 0..<globals {
    for v in 0..<views where v != g {
      pairs += 1
      for b in 0..<batch {
        let t = (0..<K).map { (teacher[(g * batch + b) * K + $0] - center[$0]) / teacherTemperature }
        let s = (0..<K).map { student[(v * batch + b) * K + $0] / studentTemperature }
        total -= zip(logSoftmax(t), logSoftmax(s)).reduce(0) { $0 + exp($1.0) * $1.1 } / Double(batch)
      }
    }
  }
  return total / Double(pairs)
}

@Suite struct DINOLossTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let views, globals, batch, prototypes: Int
    var testDescription: String { "\(globals) of \(views) views, batch \(batch), K \(prototypes)" }
  }

  static let cases = [
    Case(views: 10, globals: 2, batch: 3, prototypes: 40),
    Case(views: 2, globals: 2, batch: 1, prototypes: 7),
    Case(views: 4, globals: 3, batch: 2, prototypes: 33),
    Case(views: 3, globals: 1, batch: 2, prototypes: 16),
    Case(views: 5, globals: 2, batch: 5, prototypes: 5000),
  ]

  private func loss(_ prototypes: Int) -> DINOLoss {
    var loss = DINOLoss(prototypes: prototypes)
    loss.setCenter(hashFilled("center", [prototypes], scale: 0.3))
    return loss
  }

  private func ones(_ shape: Shape) -> Tensor { Tensor(repeating: 1, shape) }

  @Test func `logits that somebody still holds stay as they are, others give their memory to the gradient`() {
    let teacher = hashFilled("teacher", [4, 40])
    func gradient(holding: Bool) -> [Float] {
      let tape = Tape()
      let x = tape.variable(hashFilled("student", [12, 40]))
      let logits = add(x, Variable(Tensor(repeating: 0, [12, 40])))  // of a tensor of its own
      let held = holding ? logits.value : nil
      let place = logits.value.pointer
      var criterion = loss(40)
      let total = criterion(
        student: consume logits, teacher: teacher, globalViews: 2, teacherTemperature: 0.05)
      if let held { #expect(held.array == x.value.array) }
      tape.backward(from: total)
      if let held { #expect(held.array == x.value.array) }
      let gradient = tape.gradient(of: x)!  // an addition hands it through
      #expect((gradient.pointer == place) == !holding)
      return gradient.array
    }
    #expect(gradient(holding: true) == gradient(holding: false))
  }

  @Test(arguments: cases)
  func `the loss is the mean cross-entropy over all pairs of different views`(sizes: Case) {
    let student = hashFilled("student", [sizes.views * sizes.batch, sizes.prototypes])
    let teacher = hashFilled("teacher", [sizes.globals * sizes.batch, sizes.prototypes])
    var loss = loss(sizes.prototypes)
    for temperature in [Float(0.04), 0.07] {
      let value = loss(
        student: Variable(student), teacher: teacher, globalViews: sizes.globals,
        teacherTemperature: temperature)
      let expected = oracle(
        student: student.array.map(Double.init), teacher: teacher.array.map(Double.init),
        center: loss.center.array.map(Double.init), views: sizes.views, globals: sizes.globals,
        batch: sizes.batch,
        studentTemperature: Double(Float(0.1)), teacherTemperature: Double(temperature))
      #expect(abs(Double(value.scalar) - expected) < 1e-5 * expected)
    }
  }

  @Test(arguments: cases.dropLast())
  func `its gradient is the slope of the loss`(sizes: Case) {
    let teacher = hashFilled("teacher", [sizes.globals * sizes.batch, sizes.prototypes])
    var loss = loss(sizes.prototypes)
    let check = GradientCheck(
      inputs: [hashFilled("student", [sizes.views * sizes.batch, sizes.prototypes])],
      weights: { Tensor(repeating: 2, $0) }, step: 1e-2
    ) { loss(student: $0[0], teacher: teacher, globalViews: sizes.globals, teacherTemperature: 0.07) }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `a lone global view is compared with the others, not with itself`() {
    var loss = loss(16)
    let result = GradientCheck.gradients(inputs: [hashFilled("student", [6, 16])], weights: ones) {
      loss(student: $0[0], teacher: hashFilled("teacher", [2, 16]), globalViews: 1, teacherTemperature: 0.07)
    }
    let gradient = result.gradients[0].array
    #expect(gradient[0..<32].allSatisfy { $0 == 0 })
    #expect(gradient[32...].contains { $0 != 0 })
  }

  @Test func `logits that say nothing cost the logarithm of the number of prototypes`() {
    var loss = DINOLoss(prototypes: 50)
    let value = loss(
      student: Variable(Tensor(repeating: 0.3, [8, 50])), teacher: hashFilled("teacher", [4, 50]),
      globalViews: 2,
      teacherTemperature: 0.04)
    #expect(abs(value.scalar - Float(log(50.0))) < 1e-5)
  }

  @Test func `identical views at equal temperatures cost the entropy of one view, and no gradient is left`() {
    let row = hashFilled("row", [1, 20]).array
    let views = Tensor((0..<4).flatMap { _ in row }, [4, 20])
    var loss = DINOLoss(prototypes: 20)
    let result = GradientCheck.gradients(inputs: [views], weights: ones) {
      loss(student: $0[0], teacher: views[rows: 0..<2], globalViews: 2, teacherTemperature: 0.1)
    }
    let z = row.map { Double($0) / Double(Float(0.1)) }
    let logSum = log(z.reduce(0) { $0 + exp($1) })
    let entropy = z.reduce(0) { $0 - exp($1 - logSum) * ($1 - logSum) }
    #expect(abs(Double(result.value.scalar) - entropy) < 1e-5)
    #expect(result.gradients[0].array.allSatisfy { abs($0) < 1e-6 })
  }

  @Test func `a constant added to every logit changes nothing`() {
    var loss = loss(16)
    let (student, teacher) = (hashFilled("student", [6, 16]), hashFilled("teacher", [4, 16]))
    let shifted = Tensor(student.array.map { $0 + 3 }, student.shape)
    let values = [student, shifted].map {
      loss(student: Variable($0), teacher: teacher, globalViews: 2, teacherTemperature: 0.07).scalar
    }
    #expect(abs(values[0] - values[1]) < 1e-4)
  }

  @Test func `the center of constant logits converges to them, by a tenth of the way a step`() {
    var loss = DINOLoss(prototypes: 30)
    let goal = hashFilled("constant", [30])
    let teacher = Tensor((0..<4).flatMap { _ in goal.array }, [4, 30])
    loss.updateCenter(teacher: teacher)
    #expect(relativeError(loss.center, Tensor(goal.array.map { $0 * 0.1 }, [30])) < 1e-6)
    for _ in 0..<200 { loss.updateCenter(teacher: teacher) }
    #expect(relativeError(loss.center, goal) < 1e-6)
  }

  @Test(arguments: cases.dropLast())
  func `with Sinkhorn's targets loss and gradient are those of one assignment of all the teacher's rows`(
    sizes: Case
  ) {
    let student = hashFilled("student", [sizes.views * sizes.batch, sizes.prototypes])
    let teacher = hashFilled("teacher", [sizes.globals * sizes.batch, sizes.prototypes])
    var loss = DINOLoss(prototypes: sizes.prototypes, centering: .sinkhorn)
    loss.setCenter(hashFilled("center", [sizes.prototypes]))  // of no effect
    let assignment = SinkhornKnopp()(teacher, temperature: 0.07).array
    let expected = oracle(
      student: student.array.map(Double.init), teacher: assignment.map { log(Double($0)) },
      center: Array(repeating: 0, count: sizes.prototypes), views: sizes.views, globals: sizes.globals,
      batch: sizes.batch, studentTemperature: Double(Float(0.1)), teacherTemperature: 1)
    func value(_ student: Variable) -> Variable {
      loss(student: student, teacher: teacher, globalViews: sizes.globals, teacherTemperature: 0.07)
    }
    #expect(abs(Double(value(Variable(student)).scalar) - expected) < 1e-5 * expected)
    let check = GradientCheck(inputs: [student], weights: { Tensor(repeating: 2, $0) }, step: 1e-2) {
      value($0[0])
    }
    #expect(check.errors[0] < 2e-3)
  }

  @Test func `a loss without centering ignores the center`() {
    var off = DINOLoss(prototypes: 16, centering: .off)
    off.setCenter(hashFilled("center", [16]))
    let zero = DINOLoss(prototypes: 16)
    let (student, teacher) = (Variable(hashFilled("student", [6, 16])), hashFilled("teacher", [4, 16]))
    let values = [off, zero].map { loss in
      var loss = loss
      return loss(student: student, teacher: teacher, globalViews: 2, teacherTemperature: 0.07).scalar
    }
    #expect(values[0] == values[1])
  }

  @Test func `one, two and three threads give the same loss, gradient and center`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        var loss = loss(5000)
        let teacher = hashFilled("teacher", [10, 5000])
        let result = GradientCheck.gradients(inputs: [hashFilled("student", [30, 5000])], weights: ones) {
          loss(student: $0[0], teacher: teacher, globalViews: 2, teacherTemperature: 0.04)
        }
        loss.updateCenter(teacher: teacher)
        return [result.value.array, result.gradients[0].array, loss.center.array]
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
