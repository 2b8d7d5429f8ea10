/// A number over the steps of a run, however long: neighbouring steps share a bucket that keeps mean, least and greatest,
/// so that single spikes stay to be seen.
public struct MetricCurve: Sendable {
  fileprivate struct Bucket {
    var steps, sum, low, high: Double
    var count: Int
  }

  fileprivate var buckets: [Bucket] = []
  private var numbers: [Int] = []
  /// Steps that share a bucket.
  private var width = 1
  private let limit: Int
  /// The newest value and its step.
  public private(set) var last: (step: Int, value: Double)?

  /// A curve of at most `limit` buckets.
  public init(limit: Int = 360) {
    precondition(limit >= 2, "MetricCurve: \(limit) buckets")
    self.limit = limit
  }

  /// Adds the value of a step; steps rise, and values that are not finite are left out.
  public mutating func add(step: Int, _ value: Double) {
    guard value.isFinite, step >= 0, step > last?.step ?? -1 else { return }
    last = (step, value)
    let number = step / width
    if numbers.last == number {
      buckets[buckets.count - 1].add(Bucket(step, value))
    } else {
      numbers.append(number)
      buckets.append(Bucket(step, value))
    }
    while buckets.count > limit { merge() }
  }

  private mutating func merge() {
    width *= 2
    let (old, places) = (buckets, numbers)
    (buckets, numbers) = ([], [])
    for (bucket, place) in zip(old, places) {
      if numbers.last == place / 2 {
        buckets[buckets.count - 1].add(bucket)
      } else {
        numbers.append(place / 2)
        buckets.append(bucket)
      }
    }
  }

  /// A point a bucket: mean step, mean value, least and greatest; values are multiplied by `factor`.
  public func points(times factor: Double = 1) -> [Chart.Point] {
    buckets.map { bucket in
      let count = Double(bucket.count)
      return Chart.Point(
        x: bucket.steps / count, y: factor * bucket.sum / count, low: factor * bucket.low,
        high: factor * bucket.high)
    }
  }

  /// The mean of the values from a step on; nil where there are none. A bucket belongs where its mean step does.
  func mean(from step: Double) -> Double? {
    let late = buckets.filter { $0.steps / Double($0.count) >= step }
    let count = late.reduce(0) { $0 + $1.count }
    return count == 0 ? nil : late.reduce(0) { $0 + $1.sum } / Double(count)
  }
}

extension MetricCurve.Bucket {
  fileprivate init(_ step: Int, _ value: Double) {
    self.init(steps: Double(step), sum: value, low: value, high: value, count: 1)
  }

  fileprivate mutating func add(_ other: MetricCurve.Bucket) {
    (steps, sum, count) = (steps + other.steps, sum + other.sum, count + other.count)
    (low, high) = (min(low, other.low), max(high, other.high))
  }
}
