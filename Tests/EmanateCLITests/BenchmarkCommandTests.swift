import Foundation
import Testing

@Suite("emanate benchmark")
struct BenchmarkCommandTests {
  private let small = [
    "benchmark", "step", "--arch", "micro", "--patch", "8", "--global-side", "32", "--local-side", "16",
    "--locals", "2", "--batch", "4", "--prototypes", "256", "--steps", "3",
  ]

  @Test("A profile's kinds add up to the step, in a table and in JSON")
  func profile() throws {
    let table = try Program.run(small + ["--profile"])
    #expect(table.status == 0 && table.errors.isEmpty)
    #expect(table.output.contains("linear, gradient") && table.output.contains("everything else"))
    let outcome = try Program.run(small + ["--profile", "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    let rows = try #require(object?["profile"] as? [[String: Any]])
    let times = try rows.map { try #require($0["milliseconds"] as? Double) }
    let step = try #require(rows.last)
    #expect(step["kind"] as? String == "step" && step["share"] as? Double == 1)
    #expect(times.allSatisfy { $0 >= 0 })
    #expect(abs(times.dropLast().reduce(0, +) - times.last!) < 1e-6 * times.last!)
    #expect(try #require(object?["product_gflops"] as? Double) > 0)
  }

  @Test("Without --profile there is none")
  func plain() throws {
    let outcome = try Program.run(small + ["--json"])
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    #expect(outcome.status == 0 && object?["profile"] == nil && object?["loss"] is Double)
  }
}
