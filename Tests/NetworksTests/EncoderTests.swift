import EmanateAutograd
import EmanateKernels
import EmanateNetworks
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

/// One forward and backward pass of a small DINO: two views of 16 pixels and three of 8, stochastic depth on.
private struct SmallStep {
  let encoder: Encoder
  let student, teacher: ParameterStore
  let groups = [hashFilled("globals", [24, 16, 48]), hashFilled("locals", [36, 4, 48])]
  let criterion = DINOLoss(prototypes: 200)

  init() {
    let scope = ParameterScope()
    let sizes = VisionTransformerSizes(width: 48, depth: 3, heads: 3, patch: 4, side: 16, dropPath: 0.2)
    encoder = Encoder(
      scope, backbone: VisionTransformer(scope, sizes),
      head: .init(hidden: 64, bottleneck: 32, prototypes: 200))
    student = ParameterStore(scope)
    student.initialize(seed: 1)
    teacher = student.copied()
    teacher.initialize(seed: 2)
  }

  func callAsFunction(_ step: Int, into gradients: inout Tensor) -> Float {
    let targets = encoder([groups[0]], Pass(teacher, mode: .evaluation)).value
    let tape = Tape()
    let pass = Pass(student, tape: tape, mode: .training, seed: 3, step: step)
    var criterion = criterion
    let loss = criterion(
      student: encoder(groups, pass), teacher: targets, globalViews: 2, teacherTemperature: 0.04)
    tape.backward(from: loss, leavesInto: &gradients)
    return loss.scalar
  }
}

@Suite struct EncoderTests {
  @Test func `one, two and three threads give the same loss and gradients, byte for byte`() {
    let results = [1, 2, 3].map { threads in
      withThreads(threads) {
        let step = SmallStep()
        var gradients = Tensor(repeating: 0, step.student.flatShape)
        let loss = step(0, into: &gradients)
        return [loss.bitPattern] + gradients.array.map { $0.bitPattern }
      }
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    #expect(results[0].allSatisfy { Float(bitPattern: $0).isFinite })
  }

  @Test func `the same seed and step give the same bytes, another step drops other branches`() {
    let step = SmallStep()
    var (a, b, c) = (
      Tensor(repeating: 0, step.student.flatShape), Tensor(repeating: 0, step.student.flatShape),
      Tensor(repeating: 0, step.student.flatShape)
    )
    #expect(step(4, into: &a) == step(4, into: &b))
    #expect(a.array == b.array)
    #expect(step(5, into: &c) != step(4, into: &a))
  }

  @Test func `after the first steps no memory is taken from the system`() {
    // Other tests may run beside this one and take memory themselves: one quiet step is proof enough.
    let step = SmallStep()
    var gradients = Tensor(repeating: 0, step.student.flatShape)
    let quiet = (0..<40).contains { _ in
      let before = BufferPool.shared.freshAllocations
      _ = step(0, into: &gradients)
      return BufferPool.shared.freshAllocations == before
    }
    #expect(quiet)
  }

  @Test func `views of two sizes give one row of logits each, in their order`() {
    let step = SmallStep()
    let pass = Pass(step.student, mode: .evaluation)
    let together = step.encoder(step.groups, pass).value
    let locals = step.encoder([step.groups[1]], pass).value
    #expect(together.shape == [60, 200])
    #expect(relativeError(together[rows: 24..<60], locals) < 2e-6)
  }
}
