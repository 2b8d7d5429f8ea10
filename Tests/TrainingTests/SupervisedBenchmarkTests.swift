import EmanateConfiguration
import EmanateKernels
import EmanateNetworks
import EmanateTensors
import EmanateTraining
import Testing

@Suite struct SupervisedBenchmarkTests {
  /// The loss after so many steps on the same images.
  private func loss(_ architecture: String, _ precision: Precision, steps: Int) throws -> Double {
    var choices = ArchitectureChoices()
    (choices.side, choices.channels, choices.stem) = (32, 16, .cifar)
    let architecture = try #require(NetworkSettings.Architecture(rawValue: architecture))
    var options = SupervisedBenchmark.Options(architecture(choices))
    (options.batch, options.classes, options.steps, options.precision) = (8, 10, steps, precision)
    return try SupervisedBenchmark.run(options) { 0 }.loss
  }

  @Test(arguments: ["resnet18", "mobilenet_v2"])
  func `a network of convolutions learns in bfloat16 as it does in float32`(architecture: String) throws {
    let first = try loss(architecture, .float32, steps: 1)
    for steps in [3, 6] {
      let (plain, rounded) = (
        try loss(architecture, .float32, steps: steps), try loss(architecture, .bfloat16, steps: steps)
      )
      #expect(plain < first && rounded < first)
      #expect(rounded != plain && abs(rounded - plain) < 0.05 * first, "\(steps) steps: \(plain), \(rounded)")
    }
  }
}
