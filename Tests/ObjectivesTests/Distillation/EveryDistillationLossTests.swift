import EmanateAutograd
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

/// What holds for every loss of a student and a constant teacher.
@Suite struct EveryDistillationLossTests {
  @Test(arguments: DistillationCase.all)
  func `the gradient is the slope of the loss`(_ tried: DistillationCase) {
    let teacher = tried.teacherNumbers
    let size = Float(1 / tried.gradient(at: tried.studentNumbers, teacher: teacher).value)
    let check = GradientCheck(
      inputs: [tried.studentNumbers], weights: { Tensor(repeating: size, $0) }, step: 1e-2,
      samples: tried.student.count
    ) { tried.loss($0[0], teacher) }
    #expect(check.errors[0] < 1e-3)
  }

  @Test(arguments: DistillationCase.all)
  func `a student equal to its teacher costs nothing and gets the gradient 0`(_ tried: DistillationCase) {
    let same = tried.gradient(at: tried.teacherNumbers, teacher: tried.teacherNumbers)
    #expect(same.value == 0)
    #expect(same.gradient.allSatisfy { $0 == 0 })
    let other = tried.gradient(at: tried.studentNumbers, teacher: tried.teacherNumbers)
    #expect(other.value > 1e-4)
    #expect(other.gradient.contains { $0 != 0 })
  }

  @Test(arguments: DistillationCase.all)
  func `zeros and equal rows give finite losses and gradients on either side`(_ tried: DistillationCase) {
    func repeated(_ x: Tensor) -> Tensor {
      let row = Array(x.array.prefix(x.count / x.shape[0]))
      return Tensor((0..<x.shape[0]).flatMap { _ in row }, x.shape)
    }
    let (x, y) = (tried.studentNumbers, tried.teacherNumbers)
    let (none, nothing) = (Tensor(repeating: 0, x.shape), Tensor(repeating: 0, y.shape))
    for (student, teacher) in [
      (none, y), (x, nothing), (none, nothing), (repeated(x), y), (x, repeated(y)),
      (repeated(x), repeated(y)),
    ] {
      let result = tried.gradient(at: student, teacher: teacher)
      #expect(result.value.isFinite && result.gradient.allSatisfy { $0.isFinite })
    }
    let equal = tried.gradient(at: repeated(y), teacher: repeated(y))
    #expect(equal.value == 0 && equal.gradient.allSatisfy { $0 == 0 })
  }

  @Test(arguments: DistillationCase.all)
  func `a batch of one image has a finite loss and gradient`(_ tried: DistillationCase) {
    let result = tried.gradient(
      at: tried.studentNumbers[rows: 0..<1], teacher: tried.teacherNumbers[rows: 0..<1])
    #expect(result.value.isFinite && result.gradient.allSatisfy { $0.isFinite })
  }

  @Test(arguments: DistillationCase.all)
  func `one, two and three threads give the same bits`(_ tried: DistillationCase) {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        func large(_ name: String, _ shape: Shape) -> Tensor {
          hashFilled(name, Shape([61] + shape.array.dropFirst()), scale: tried.scale, offset: tried.offset)
        }
        let result = tried.gradient(
          at: large("student", tried.student), teacher: large("teacher", tried.teacher))
        return [result.value] + result.gradient
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test(arguments: DistillationCase.all)
  func `a loss's gradient is multiplied by the weight it has among others`(_ tried: DistillationCase) {
    let inputs = [tried.studentNumbers]
    let teacher = tried.teacherNumbers
    let twice = GradientCheck.gradients(inputs: inputs, weights: { Tensor(repeating: 2, $0) }) {
      tried.loss($0[0], teacher)
    }
    let once = tried.gradient(at: inputs[0], teacher: teacher).gradient
    #expect(twice.gradients[0].array == once.map { 2 * $0 })
  }

  @Test(arguments: DistillationCase.all)
  func `numbers that are none make a loss that is none`(_ tried: DistillationCase) {
    for place in [0, 5] {
      var broken = tried.studentNumbers
      broken.withMutableElements { $0[place] = .nan }
      #expect(tried.loss(Variable(broken), tried.teacherNumbers).scalar.isNaN)
      var other = tried.teacherNumbers
      other.withMutableElements { $0[place] = .nan }
      #expect(tried.loss(Variable(tried.studentNumbers), other).scalar.isNaN)
    }
  }

  @Test(arguments: DistillationCase.logits)
  func `of no rows at all the loss is 0`(_ tried: DistillationCase) {
    let none = Tensor(uninitialized: [0, 9])
    #expect(tried.loss(Variable(none), none).scalar == 0)
  }

  @Test func `every loss of distillation is listed once`() {
    let names = LossRegistry.all.map { $0.name }
    #expect(Set(names).count == names.count)
    for name in [
      "distillation", "standardized-distillation", "dist", "decoupled", "smoothed-cross-entropy", "hint",
      "attention-transfer", "variational-information", "relational-distance", "relational-angle",
      "similarity-preserving", "probabilistic-transfer", "correlation-congruence",
      "contrastive-distillation", "virtual-teacher", "mutual-learning", "shallow-classifier",
    ] {
      #expect(names.contains(name))
    }
  }
}
