import ArgumentParser

/// `emanate benchmark`: what this machine can do, and what Emanate makes of it.
struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark",
    abstract: "Measures this machine's matrix products, the training step, the data path.",
    discussion: "Run with OPENBLAS_CORETYPE unset: some environments set it to an older kernel set.",
    examples: ["emanate benchmark gemm", "emanate benchmark step --profile"],
    subcommands: [
      BenchmarkGEMMCommand.self, BenchmarkStepCommand.self, BenchmarkTrainCommand.self,
      BenchmarkDataCommand.self,
    ])
}
