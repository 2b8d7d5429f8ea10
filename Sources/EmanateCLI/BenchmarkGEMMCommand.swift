import ArgumentParser
import EmanateKernels
import EmanateTensors
import Foundation

/// `emanate benchmark gemm`: the ceiling that everything else is measured against.
struct BenchmarkGEMMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gemm", abstract: "Measures float32 matrix products, cut into blocks as training cuts them.",
    examples: [
      "emanate benchmark gemm --threads 1"
    ])

  @Option(help: "Repetitions; the median counts.") var repeats = 9
  @OptionGroup var threading: ThreadOptions
  @OptionGroup var output: OutputOptions

  private static let shapes = [
    (2048, 2048, 2048), (6304, 576, 192), (6304, 192, 768), (6304, 1536, 384), (320, 65536, 256),
  ]

  func validate() throws { if repeats < 1 { throw ValidationError("--repeats: \(repeats); at least 1") } }

  func run() throws {
    threading.apply()
    var rows: [Row] = []
    for (m, n, k) in Self.shapes {
      let a = Tensor(repeating: 0.5, [m, k])
      let b = Tensor(repeating: 0.25, [n, k])
      let c = Tensor(repeating: 0, [m, n])
      var seconds: [Double] = []
      for _ in 0...repeats {
        let start = ProcessInfo.processInfo.systemUptime
        product(
          Matrix(a.pointer, stride: k), Matrix(b.pointer, stride: k, transposed: true), rows: m, columns: n,
          depth: k,
          into: c.pointer, stride: n)
        seconds.append(ProcessInfo.processInfo.systemUptime - start)
      }
      let median = seconds.dropFirst().sorted()[repeats / 2]
      rows.append(
        Row(rows: m, outputs: n, inputs: k, gflops: 2 * Double(m) * Double(n) * Double(k) / median / 1e9))
      withExtendedLifetime((a, b, c)) {}
    }
    let report = Report(
      gflops: rows.map { $0.gflops }.max() ?? 0, threads: ThreadPool.shared.threads, kernels: blasKernelSet(),
      products: rows)
    output.result(
      report,
      text: "OpenBLAS kernels \(report.kernels), \(report.threads) threads\n"
        + rows.map {
          String(format: "%5d x %5d x %4d  %7.1f GFLOP/s", $0.rows, $0.outputs, $0.inputs, $0.gflops)
        }
        .joined(separator: "\n"))
  }

  private struct Row: Encodable {
    let rows, outputs, inputs: Int
    let gflops: Double
  }

  private struct Report: Encodable {
    let gflops: Double
    let threads: Int
    let kernels: String
    let products: [Row]
  }
}
