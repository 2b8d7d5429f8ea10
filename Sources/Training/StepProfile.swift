import EmanateKernels
import EmanateTensors

/// Where the time of some training steps went, beside what the machine's matrix products can do.
public struct StepProfile: Sendable {
  /// One kind of operation, or all of them.
  public struct Row: Sendable, Encodable {
    /// The operation's name.
    public let kind: String
    /// How often it ran in a step.
    public let calls: Double
    /// Milliseconds of a step.
    public let milliseconds: Double
    /// Share of the step's time, 0 to 1.
    public let share: Double
    /// Products' arithmetic over the operation's time; 0 where there are no products.
    public let gflops: Double
    /// That over the machine's own rate.
    public let shareOfProductRate: Double
    /// Operands and results of a step, in MB.
    public let megabytes: Double

    init(
      _ kind: String, calls: Int, seconds: Double, operations: Double, bytes: Double, of profile: StepProfile
    ) {
      let steps = Double(profile.steps)
      self.kind = kind
      self.calls = Double(calls) / steps
      milliseconds = seconds / steps * 1e3
      share = seconds / profile.seconds
      gflops = seconds > 0 ? operations / seconds / 1e9 : 0
      shareOfProductRate = gflops / profile.productRate
      megabytes = bytes / steps / 1e6
    }
  }

  let lines: [Profile.Line]
  let steps: Int
  let seconds: Double
  /// What the step's matrix products multiply.
  public let precision: Precision
  /// What this machine's matrix products of that precision reach right now, GFLOP/s.
  public let productRate: Double

  /// Of `lines`, which were measured over so many steps; measures the rate.
  init(lines: [Profile.Line], steps: Int, seconds: Double, precision: Precision, clock: () -> Double) {
    (self.lines, self.steps, self.seconds, self.precision) = (lines, steps, seconds, precision)
    productRate =
      precision == .bfloat16 ? bfloat16ProductRate(clock: clock) : matrixProductRate(clock: clock)
  }

  /// Every kind of operation, longest first; then what is none of them (reading rows, waiting between operations,
  /// bookkeeping); then the whole step.
  public var rows: [Row] {
    var rows = lines.map {
      Row($0.kind, calls: $0.calls, seconds: $0.seconds, operations: $0.operations, bytes: $0.bytes, of: self)
    }
    let measured = lines.reduce(0) { $0 + $1.seconds }
    rows.append(
      Row("everything else", calls: 0, seconds: seconds - measured, operations: 0, bytes: 0, of: self))
    rows.append(
      Row(
        "step", calls: steps, seconds: seconds, operations: lines.reduce(0) { $0 + $1.operations },
        bytes: lines.reduce(0) { $0 + $1.bytes }, of: self))
    return rows
  }

  /// The same, with the kinds that take less than a share of the step put together.
  public func rows(above share: Double) -> [Row] {
    let small = lines.filter { $0.seconds < share * seconds }
    if small.count < 2 { return rows }
    let together = Row(
      "\(small.count) others", calls: small.reduce(0) { $0 + $1.calls },
      seconds: small.reduce(0) { $0 + $1.seconds }, operations: small.reduce(0) { $0 + $1.operations },
      bytes: small.reduce(0) { $0 + $1.bytes }, of: self)
    return rows.prefix(lines.count - small.count) + [together] + rows.suffix(2)
  }
}
