import EmanateReports
import Testing

@Suite("Metric curves")
struct MetricCurveTests {
  @Test(
    "However long a run, the points stay few and no spike is lost",
    arguments: [1, 10, 359, 360, 361, 100_000])
  func bounded(count: Int) throws {
    var curve = MetricCurve()
    for step in 0..<count { curve.add(step: step, step == count / 2 ? 50 : 1) }
    let points = curve.points()
    #expect(points.count <= 360 && points.count >= min(count, 180))
    #expect(points.map(\.high).max() == 50 && curve.last?.step == count - 1)
    #expect(zip(points, points.dropFirst()).allSatisfy { $0.x < $1.x })
    if count == 100_000 {
      // Every bucket holds as many steps but the last, so the mean of means is about the mean.
      let mean = points.reduce(0) { $0 + $1.y } / Double(points.count)
      #expect(abs(mean - 1.00049) < 0.001)
    }
  }

  @Test("Values that are no numbers, and steps that do not rise, are left out")
  func leftOut() {
    var curve = MetricCurve()
    for (step, value) in [(0, 1.0), (1, .nan), (2, .infinity), (3, 2), (3, 9), (2, 9), (-1, 9)] {
      curve.add(step: step, value)
    }
    #expect(curve.points(times: 10) == [Chart.Point(x: 0, y: 10), Chart.Point(x: 3, y: 20)])
  }

  @Test("Values every 50 steps keep their places")
  func sparse() {
    var curve = MetricCurve(limit: 8)
    for step in stride(from: 0, through: 1000, by: 50) { curve.add(step: step, Double(step)) }
    for point in curve.points() {
      #expect(point.x == point.y && point.low <= point.x && point.x <= point.high)
    }
  }
}
