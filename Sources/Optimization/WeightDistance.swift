import CEmanateKernels
import EmanateNetworks

extension ParameterStore {
  /// How far this network lies from another of the same layout: ‖mine − theirs‖ / ‖theirs‖ over all parameters; 0 where
  /// both are all zeros. Does not depend on the number of threads.
  package func relativeDistance(from other: ParameterStore) -> Double {
    precondition(
      flatShape == other.flatShape, "ParameterStore.relativeDistance: \(flatShape) and \(other.flatShape)")
    let (mine, theirs) = (values, other.values)
    let sums = lengths(of: parameters) { _, part in
      [
        em_sum_of_squared_differences(
          mine.pointer + part.lowerBound, theirs.pointer + part.lowerBound, part.count),
        em_sum_of_squares(theirs.pointer + part.lowerBound, part.count),
      ]
    }.reduce(SIMD2<Double>.zero) { $0 + $1 * $1 }
    withExtendedLifetime((mine, theirs)) {}
    return sums.x == 0 ? 0 : (sums.x / sums.y).squareRoot()
  }
}
