import EmanateKernels
import Testing

@Suite(.serialized) struct ProfileTests {
  private static func busy(seconds: Double) {
    let start = ContinuousClock.now
    while (ContinuousClock.now - start) / .seconds(1) < seconds {}
  }

  @Test func `an operation's time excludes operations inside it`() {
    let start = ContinuousClock.now
    Profile.shared.begin()
    for _ in 0..<2 {
      profiled("outer", Work(numbers: 10)) {
        Self.busy(seconds: 0.002)
        profiled("inner", Work(products: 3, 5, 7, 11, numbers: 13)) { Self.busy(seconds: 0.01) }
      }
    }
    let lines = Profile.shared.end()
    let together = (ContinuousClock.now - start) / .seconds(1)
    #expect(lines.map { $0.kind } == ["inner", "outer"])
    #expect(lines.map { $0.calls } == [2, 2])
    #expect(lines.map { $0.operations } == [4620, 0])  // twice three products of 2 · 5 · 7 · 11
    #expect(lines.map { $0.bytes } == [104, 80])
    #expect(lines[0].seconds >= 0.02 && lines[1].seconds >= 0.004)
    #expect(lines[0].seconds + lines[1].seconds <= together)
  }

  @Test func `nothing is noted while the profile is off`() {
    Profile.shared.begin()
    _ = Profile.shared.end()
    profiled("late", Work(numbers: 1)) {}
    Profile.shared.begin()
    #expect(Profile.shared.end().isEmpty)
  }

  @Test func `the rates of products are rates`() {
    // A clock that says one second a reading: a repetition takes a second.
    var now = 0.0
    let rate = matrixProductRate(repeats: 1) {
      now += 1
      return now
    }
    #expect(rate == 2 * 3072 * 768 * 768 / 1e9)
    let rounded = bfloat16ProductRate(repeats: 1) {
      now += 1
      return now
    }
    #expect(rounded == rate)
  }
}
