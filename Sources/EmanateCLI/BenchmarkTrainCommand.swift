import ArgumentParser
import EmanateConfiguration
import EmanateNetworks
import EmanateTraining
import Foundation

/// `emanate benchmark train`: whole supervised training steps on random images.
struct BenchmarkTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Times a whole supervised training step on random images.",
    discussion: """
      A backbone with a classifier of 1,000 classes: forward, cross-entropy, gradients, SGD with momentum. Two steps of \
      warm-up, then the median.
      """,
    examples: [
      "emanate benchmark train --arch mobilenet_v2 --batch 16"
    ])

  @Option(help: "The backbone: `emanate list architectures`.")
  var arch = NetworkSettings.Architecture(rawValue: "resnet18")!
  @Option(help: "How many images a step takes.") var batch = 16
  @Option(help: "The images' side in pixels.") var side = 224
  @Option(help: "Pixels of a patch's side, for vision transformers.") var patch = 16
  @Option(help: "Channels of a residual network's first stage. (default: 64)") var channels: Int?
  @Option(help: "How images enter a residual network; cifar is for small ones.") var stem = ResNetSizes.Stem
    .imageNet
  @Option(help: "Steps, two of warm-up among them.") var steps = 8
  @Option(help: "Keys weights and images.") var seed: UInt64 = 0
  @Flag(help: "Say where the time goes, by kind of operation.") var profile = false
  @OptionGroup var computing: PrecisionOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [
      ("--batch", batch), ("--side", side), ("--patch", patch), ("--steps", steps),
      ("--channels", channels ?? 1),
    ] where value < 1 { throw ValidationError("\(name): \(value); at least 1") }
    if arch.isTransformer && side % patch != 0 {
      throw ValidationError("--side: \(side) pixels are not whole patches of \(patch)")
    }
  }

  func run() throws {
    threading.apply()
    var choices = ArchitectureChoices()
    (choices.side, choices.patch, choices.channels, choices.stem) = (side, patch, channels, stem)
    var options = SupervisedBenchmark.Options(arch(choices))
    (options.batch, options.steps, options.seed, options.profiles) = (batch, steps, seed, profile)
    options.precision = computing.precision
    let result = try SupervisedBenchmark.run(options) { ProcessInfo.processInfo.systemUptime }
    let report = Report(
      images_per_second: Double(batch) / result.medianSeconds,
      best_images_per_second: Double(batch) / result.leastSeconds, step_seconds: result.medianSeconds,
      loss: result.loss, parameters: result.parameters, peak_resident_bytes: peakResidentBytes(),
      allocations_in_last_step: result.allocationsInLastStep, product_gflops: result.profile?.productRate,
      profile: result.profile?.rows)
    output.result(
      report,
      text: String(
        format:
          "%.2f images/s (median step %.3f s), loss %.4f, %d parameters, peak memory %.0f MB, %d new buffers",
        report.images_per_second, report.step_seconds, report.loss, report.parameters,
        Double(report.peak_resident_bytes) / 1e6, report.allocations_in_last_step)
        + (result.profile.map { "\n\n" + ProfileTable(profile: $0).text } ?? ""))
  }

  private struct Report: Encodable {
    let images_per_second, best_images_per_second, step_seconds, loss: Double
    let parameters, peak_resident_bytes, allocations_in_last_step: Int
    let product_gflops: Double?
    let profile: [StepProfile.Row]?
  }
}

extension ResNetSizes.Stem: ExpressibleByArgument {}
