import Emanate
import TestSupport
import Testing

/// The method's own arithmetic; its loss has tests of its own.
@Suite struct SupervisedLearningTests {
  private let views = Views(
    groups: [patchRows(of: hashFilled("views", [6, 3, 16, 16]), patch: 1)], globalViews: 1,
    samples: Array(0..<6))

  private let now = Moment(
    step: 3, epoch: 0, learningRate: 1e-2, weightDecay: 0, teacherMomentum: 1, teacherTemperature: 0.07,
    isLastLayerFrozen: false, clip: nil, peakLearningRate: 1e-2, progress: 0.1)

  /// The loss of a batch where the classifier's numbers are multiplied by `factor`.
  private func loss(temperature: Double, classifier factor: Float) throws -> Float {
    var configuration = ExperimentConfiguration()
    for setting in [
      "method=supervised", "network.architecture=resnet18", "network.stem=cifar", "network.channels=4",
      "network.side=16", "supervised.temperature=\(temperature)",
    ] { try configuration.set(setting) }
    try configuration.check()
    var method = try SupervisedLearning(configuration, try pictures(["a", "b", "c"]))
    for name in ["fc.weight", "fc.bias"] {
      let parameter = try #require(method.student.parameter(named: name))
      let numbers = hashFilled(name, parameter.shape).array.map { factor * $0 }
      method.student.set(parameter, to: Tensor(numbers, parameter.shape))
    }
    return method.loss(views, Pass(method.student, mode: .training), now).scalar
  }

  @Test func `a network trained at temperature 20 wants logits twenty times as great`() throws {
    let plain = try loss(temperature: 1, classifier: 50)
    #expect(abs(try loss(temperature: 20, classifier: 1000) - plain) < 1e-4 * plain)
    #expect(abs(try loss(temperature: 20, classifier: 50) - plain) > 1e-2 * plain)
    let error = #expect(throws: ConfigurationError.self) { try loss(temperature: 0, classifier: 1) }
    #expect("\(error.map { "\($0)" } ?? "")".contains("supervised.temperature"))
  }
}
