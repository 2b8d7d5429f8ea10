import EmanateEvaluation
import Testing

@Suite struct SeedStatisticsTests {
  @Test func `mean, deviation and interval of five paired seeds are the ones worked by hand`() throws {
    let gain = SeedStatistics(
      gainOf: [84.1, 83.9, 84.6, 84.0, 84.4], over: [83.1, 83.4, 83.2, 82.8, 83.5])
    // Differences 1.0, 0.5, 1.4, 1.2, 0.9: mean 1; squares 0 + 0.25 + 0.16 + 0.04 + 0.01 = 0.46.
    #expect(abs(gain.mean - 1) < 1e-12)
    let deviation = (0.46 / 4).squareRoot()
    #expect(abs(try #require(gain.deviation) - deviation) < 1e-12)
    let interval = try #require(gain.interval)
    let reach = 2.776_445_105 * deviation / 5.0.squareRoot()
    #expect(abs(interval.lowerBound - (1 - reach)) < 1e-8 && abs(interval.upperBound - (1 + reach)) < 1e-8)
  }

  @Test func `a single seed has a mean and no spread, equal seeds have a spread of zero`() {
    let single = SeedStatistics([3])
    #expect(single.mean == 3 && single.deviation == nil && single.interval == nil)
    let equal = SeedStatistics([2, 2, 2])
    #expect(equal.deviation == 0 && equal.interval == 2...2)
  }
}
