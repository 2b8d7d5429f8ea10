import Emanate
import TestSupport
import Testing

/// KoLeo's loss beside DINO's.
@Suite struct DINOKoLeoTests {
  private func step(_ weight: String) throws -> (loss: Double, gradients: [Float], measures: [String: Double])
  {
    var configuration = ExperimentConfiguration()
    for setting in [
      "network.architecture=resnet18", "network.stem=cifar", "network.channels=8", "network.side=16",
      "head.hidden=32", "head.bottleneck=16", "head.prototypes=48", "dino.koleoWeight=\(weight)",
    ] { try configuration.set(setting) }
    var method = DINO(configuration)
    let views = Views(
      groups: [patchRows(of: hashFilled("views", [12, 3, 16, 16]), patch: 1)], globalViews: 2)
    var gradients = Tensor(repeating: 0, method.student.flatShape)
    let tape = Tape()
    let now = Moment(
      step: 0, epoch: 0, learningRate: 1e-2, weightDecay: 0, teacherMomentum: 0.9, teacherTemperature: 0.07,
      isLastLayerFrozen: false, clip: nil, peakLearningRate: 1e-2, progress: 0)
    let loss = method.loss(views, Pass(method.student, tape: tape, mode: .training), now)
    tape.backward(from: loss, leavesInto: &gradients)
    return (
      Double(loss.scalar), gradients.array,
      Dictionary(uniqueKeysWithValues: method.measures.map { ($0.name, $0.value) })
    )
  }

  @Test func `the loss is DINO's and the weight times KoLeo's, and so are its gradients`() throws {
    let (plain, one, two) = (try step("0"), try step("0.1"), try step("0.2"))
    #expect(plain.measures["koleoLoss"] == nil)
    let (dino, koleo) = (try #require(one.measures["dinoLoss"]), try #require(one.measures["koleoLoss"]))
    #expect(dino == plain.loss)
    #expect(abs(one.loss - (dino + 0.1 * koleo)) < 1e-5 && abs(two.loss - (dino + 0.2 * koleo)) < 1e-5)
    // Twice the weight moves every gradient twice as far.
    var (moved, worst): (Float, Float) = (0, 0)
    for (place, own) in plain.gradients.enumerated() {
      let (first, second) = (one.gradients[place] - own, two.gradients[place] - own)
      moved = max(moved, abs(first))
      worst = max(worst, abs(second - 2 * first))
    }
    #expect(moved > 0 && worst < 1e-2 * moved, "\(worst) of \(moved)")
  }
}
