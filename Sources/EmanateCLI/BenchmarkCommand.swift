import ArgumentParser
import Emanate
import EmanateKernels
import EmanateTraining
import Foundation

struct BenchmarkStepQuick: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "step")
  @Option var threads = 2
  @Option var steps = 8
  func run() throws {
    ThreadPool.shared.resize(to: threads)
    var o = StepBenchmark.Options()
    o.steps = steps
    let r = try StepBenchmark.run(o, clock: { ProcessInfo.processInfo.systemUptime })
    print(r)
  }
}
