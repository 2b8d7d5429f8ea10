import ArgumentParser
import EmanateConfiguration
import EmanateNetworks
import EmanateTraining
import Foundation

/// `emanate benchmark step`: whole DINO training steps on random views.
struct BenchmarkStepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step", abstract: "Times a whole DINO training step on random views.",
    discussion: """
      Teacher on the global views, student on all, loss, gradients, per-tensor clipping, optimizer, EMA, center; drop-path \
      0.1, last layer trained. Two steps of warm-up, then the median.
      """,
    examples: [
      "emanate benchmark step --profile",
      "emanate benchmark step --arch small --batch 4 --prototypes 4096 --recompute",
    ])

  @Option(
    help: "The vision transformer: micro, tiny, small or base.",
    completion: .list(["micro", "tiny", "small", "base"]))
  var arch = "tiny"
  @Option(help: "The side of a patch in pixels.") var patch = 16
  @Option(help: "The side of the two global views in pixels.") var globalSide = 224
  @Option(help: "The side of the local views in pixels.") var localSide = 96
  @Option(help: "How many local views there are.") var locals = 8
  @Option(help: "How many images a step takes.") var batch = 8
  @Option(help: "How many prototypes the heads have.") var prototypes = 65_536
  @Option(help: "Steps, two of warm-up among them.") var steps = 8
  @Option(help: "Keys weights and views.") var seed: UInt64 = 0
  @Flag(help: "Compute each block's inside twice in place of keeping it in memory.") var recompute = false
  @Option(help: "Parts in which a batch is computed, one after the other.") var batchParts = 1
  @Option(help: "What turns gradients into new weights.") var optimizer = OptimizerSettings.Name.adamw
  @Flag(help: "Say where the time goes, by kind of operation.") var profile = false
  @OptionGroup var computing: PrecisionOptions
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    for (name, value) in [
      ("--patch", patch), ("--global-side", globalSide), ("--batch", batch), ("--prototypes", prototypes),
      ("--steps", steps), ("--batch-parts", batchParts),
    ] where value < 1 { throw ValidationError("\(name): \(value); at least 1") }
    if batchParts > batch {
      throw ValidationError("--batch-parts: \(batchParts), but a batch is \(batch) images")
    }
    if locals < 0 { throw ValidationError("--locals: \(locals); at least 0") }
    for (name, side) in [("--global-side", globalSide), ("--local-side", localSide)] where side % patch != 0 {
      throw ValidationError("\(name): \(side) pixels are not whole patches of \(patch)")
    }
  }

  func run() throws {
    threading.apply()
    let presets = VisionTransformerSizes.presets
    guard let preset = presets.first(where: { [arch, "vit_" + arch].contains($0.name) }) else {
      let names = presets.map { $0.name.dropFirst(4) }.joined(separator: ", ")
      throw CommandFailure(.usage, "--arch \(arch): none of \(names)")
    }
    var options = StepBenchmark.Options()
    options.precision = computing.precision
    options.optimizer.name = optimizer
    options.sizes = VisionTransformerSizes(
      width: preset.width, depth: preset.depth, heads: preset.heads, patch: patch, side: globalSide,
      dropPath: 0.1)
    options.head.prototypes = prototypes
    (options.globalSide, options.localSide, options.locals) = (globalSide, localSide, locals)
    (options.batch, options.steps, options.seed) = (batch, steps, seed)
    (options.recomputes, options.batchParts, options.profiles) = (recompute, batchParts, profile)
    let result = try StepBenchmark.run(options) { ProcessInfo.processInfo.systemUptime }
    let report = Report(
      images_per_second: result.imagesPerSecond, step_seconds: result.medianSeconds, loss: result.loss,
      parameters: result.parameters, peak_resident_bytes: peakResidentBytes(),
      allocations_in_last_step: result.allocationsInLastStep,
      product_gflops: result.profile?.productRate, profile: result.profile?.rows,
      memory: profile ? Self.memory(result) : nil)
    output.result(
      report,
      text: String(
        format:
          "%.2f images/s (median step %.3f s), loss %.4f, %d parameters, peak memory %.0f MB, %d new buffers in the "
          + "last step", report.images_per_second, report.step_seconds, report.loss, report.parameters,
        Double(report.peak_resident_bytes) / 1e6, report.allocations_in_last_step)
        + (result.profile.map {
          "\n\n" + ProfileTable(profile: $0).text + "\n\n" + Self.table(Self.memory(result))
        } ?? ""))
  }

  /// Tensors by what they hold; what the process holds beyond them is freed blocks kept for later, code and libraries.
  private static func memory(_ result: StepBenchmark.Result) -> [MemoryRow] {
    let parts = result.memory.map { MemoryRow(part: $0.part, megabytes: Double($0.bytes) / 1e6) }
    let peak = Double(peakResidentBytes()) / 1e6
    let rest = peak - parts.reduce(0) { $0 + $1.megabytes }
    return parts + [
      MemoryRow(part: "free blocks kept, program, libraries", megabytes: rest),
      MemoryRow(part: "peak", megabytes: peak),
    ]
  }

  private static func table(_ memory: [MemoryRow]) -> String {
    let rows = memory.map {
      $0.part.padding(toLength: 40, withPad: " ", startingAt: 0)
        + String(format: "%8.0f  %5.1f %%", $0.megabytes, 100 * $0.megabytes / memory.last!.megabytes)
    }
    return (["memory                                        MB   share"] + rows).joined(separator: "\n")
  }

  private struct MemoryRow: Encodable {
    let part: String
    let megabytes: Double
  }

  private struct Report: Encodable {
    let images_per_second, step_seconds, loss: Double
    let parameters, peak_resident_bytes, allocations_in_last_step: Int
    let product_gflops: Double?
    let profile: [StepProfile.Row]?
    let memory: [MemoryRow]?
  }
}

/// The most memory this process held at once.
///
/// Linux's `getrusage` also counts what the process that started this one held; its status file does not.
func peakResidentBytes() -> Int {
  var usage = rusage()
  #if canImport(Glibc)
    if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let peak = status.firstMatch(of: /VmHWM:\s*([0-9]+) kB/)?.1, let kilobytes = Int(peak)
    {
      return kilobytes * 1024
    }
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  #else
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #endif
}

extension OptimizerSettings.Name: ExpressibleByArgument {}
