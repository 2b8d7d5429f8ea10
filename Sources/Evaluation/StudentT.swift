import Foundation

/// Student's t distribution of whole degrees of freedom: how far the mean of a few figures may be from the truth.
public struct StudentT: Sendable, Equatable {
  /// Degrees of freedom, ν; at least 1.
  public let degrees: Int

  /// The distribution of ν degrees of freedom.
  public init(degrees: Int) {
    precondition(degrees >= 1, "StudentT: \(degrees) degrees of freedom; at least 1 is needed")
    self.degrees = degrees
  }

  /// The probability of a value between −t and t, for t ≥ 0: exact, by the finite sums of Abramowitz and Stegun (1964),
  /// 26.7.3 and 26.7.4.
  public func probability(within t: Double) -> Double {
    let angle = atan(t / Double(degrees).squareRoot())
    let (sine, squaredCosine) = (sin(angle), cos(angle) * cos(angle))
    // Odd: cos θ (1 + 2/3 cos² θ + 2·4/(3·5) cos⁴ θ + ...); even: 1 + 1/2 cos² θ + 1·3/(2·4) cos⁴ θ + ...
    let isOdd = degrees % 2 == 1
    var (term, sum) = (isOdd ? cos(angle) : 1, 0.0)
    for power in stride(from: isOdd ? 1 : 0, to: degrees - 1, by: 2) {
      sum += term
      term *= Double(power + 1) / Double(power + 2) * squaredCosine
    }
    return isOdd ? 2 / .pi * (angle + sine * sum) : sine * sum
  }

  /// The t that a share of all values lies within, −t to t: 0.95 asks for the two-sided 95 % quantile; 0 ≤ share < 1.
  public func bound(of share: Double) -> Double {
    precondition((0..<1).contains(share), "StudentT: a share of \(share)")
    var (low, high) = (0.0, 1.0)
    while probability(within: high) < share { (low, high) = (high, 2 * high) }
    for _ in 0..<200 where low.nextUp < high {
      let middle = (low + high) / 2
      if probability(within: middle) < share { low = middle } else { high = middle }
    }
    return high
  }
}
