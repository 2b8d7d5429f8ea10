import EmanateEvaluation
import EmanateTensors
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct FeatureSpreadTests {
  /// Standard deviations of normalised rows, dimension by dimension.
  private func deviation(_ rows: [[Double]]) -> Double {
    let unit = rows.map { row in row.map { $0 / sqrt(row.reduce(0) { $0 + $1 * $1 }) } }
    let (n, d) = (Double(rows.count), rows[0].count)
    let deviations = (0..<d).map { c in
      let mean = unit.reduce(0) { $0 + $1[c] } / n
      return sqrt(unit.reduce(0) { $0 + ($1[c] - mean) * ($1[c] - mean) } / (n - 1))
    }
    return deviations.reduce(0, +) / Double(d) * sqrt(Double(d))
  }

  /// One-sided Jacobi: pairs of columns are rotated until all are orthogonal; their lengths are the singular values.
  private func effectiveRank(_ rows: [[Double]]) -> Double {
    var a = rows
    let d = rows[0].count
    for _ in 0..<60 {
      for p in 0..<d {
        for q in p + 1..<d {
          let (x, y, z) = a.reduce((0.0, 0.0, 0.0)) {
            ($0.0 + $1[p] * $1[p], $0.1 + $1[q] * $1[q], $0.2 + $1[p] * $1[q])
          }
          if abs(z) < 1e-15 * sqrt(x * y) + 1e-300 { continue }
          let angle = atan2(2 * z, x - y) / 2
          let (c, s) = (cos(angle), sin(angle))
          for r in a.indices { (a[r][p], a[r][q]) = (c * a[r][p] + s * a[r][q], c * a[r][q] - s * a[r][p]) }
        }
      }
    }
    let lengths = (0..<d).map { c in sqrt(a.reduce(0) { $0 + $1[c] * $1[c] }) }
    let sum = lengths.reduce(0, +)
    return exp(-lengths.reduce(0) { $1 > 0 ? $0 + $1 / sum * log($1 / sum) : $0 })
  }

  @Test(arguments: [(6, 4), (4, 6), (40, 7), (7, 40), (2, 3), (2, 1)])
  func `deviation and effective rank are those of the definitions`(count: Int, width: Int) {
    let features = cloud(count, width, seed: UInt64(count))
    let rows = (0..<count).map { row in features.array[row * width..<(row + 1) * width].map(Double.init) }
    let spread = FeatureSpread(of: features)
    #expect(spread.greatestRank == min(count, width))
    #expect(abs(spread.deviation - deviation(rows)) < 1e-12)
    #expect(abs(spread.effectiveRank - effectiveRank(rows)) < 1e-6 * spread.effectiveRank)
  }

  @Test
  func `directions all over the sphere have deviation 1 and fill all dimensions; equal ones have 0 and 1`() {
    let wide = FeatureSpread(of: cloud(2000, 16, seed: 1))
    #expect(abs(wide.deviation - 1) < 0.01 && abs(wide.effectiveRank - 16) < 0.1)
    let same = FeatureSpread(
      of: Tensor((0..<10).flatMap { row in [1, 2, 3].map { Float((row + 1) * $0) } }, [10, 3]))
    #expect(same.deviation < 1e-6 && abs(same.effectiveRank - 1) < 1e-4)
    let nothing = FeatureSpread(of: Tensor(repeating: 0, [5, 3]))
    #expect(nothing.deviation == 0 && nothing.effectiveRank == 0)
    let two = FeatureSpread(of: Tensor([1, 0, 0, 0, 1, 0, -1, 0, 0, 0, -1, 0], [4, 3]))
    #expect(abs(two.effectiveRank - 2) < 1e-7)
  }
}
