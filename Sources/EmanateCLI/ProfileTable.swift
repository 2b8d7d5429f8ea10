import EmanateTraining
import Foundation

/// A step's profile as a table, a line for each kind of operation.
struct ProfileTable {
  let profile: StepProfile

  var text: String {
    let head =
      "operation                        calls        ms   share   GFLOP/s   of products        MB      GB/s"
    let rows = profile.rows(above: 0.001).map { row in
      let name = row.kind.padding(toLength: 30, withPad: " ", startingAt: 0)
      let calls = row.calls > 0 ? String(format: "%8.0f", row.calls) : "        "
      let products =
        row.gflops > 0
        ? String(format: "%8.1f %11.0f %%", row.gflops, 100 * row.shareOfProductRate)
        : String(repeating: " ", count: 22)
      let bytes =
        row.megabytes > 0
        ? String(format: "%9.0f %9.1f", row.megabytes, row.megabytes / row.milliseconds) : ""
      return name + calls + String(format: "%10.1f %5.1f %%  ", row.milliseconds, 100 * row.share) + products
        + " " + bytes
    }
    return ([head] + rows).joined(separator: "\n")
      + String(
        format:
          "\n\nMatrix products of this machine now: %.1f GFLOP/s (%@). MB are operands read and results written.",
        profile.productRate, profile.precision.rawValue)
  }
}
