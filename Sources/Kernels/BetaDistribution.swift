/// Draws from the gamma and beta distributions.
extension KeyedGenerator {
  /// Gamma with scale 1 (Marsaglia and Tsang 2000, "A simple method for generating gamma variables"); `shape`
  /// is above 0.
  package mutating func gamma(_ shape: Double) -> Double {
    precondition(shape > 0, "KeyedGenerator.gamma: shape \(shape) is not above 0")
    // Below 1 by their remark: a draw for shape + 1, times u^(1 / shape).
    if shape < 1 { return gamma(shape + 1) * exponential(logarithm(1 - uniform()) / shape) }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0 && logarithm(1 - uniform()) < 0.5 * x * x + d - d * v + d * logarithm(v) { return d * v }
    }
  }

  /// Beta, 0...1; both parameters are above 0.
  package mutating func beta(_ a: Double, _ b: Double) -> Double {
    let (x, y) = (gamma(a), gamma(b))
    // Both vanish where the parameters are tiny: all weight is then at 0 and 1.
    if x + y == 0 { return happens(a / (a + b)) ? 1 : 0 }
    return x / (x + y)
  }
}
