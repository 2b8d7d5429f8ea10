import EmanateKernels
import Testing

@Suite struct KeyedGeneratorTests {
  @Test func `the same key gives the same numbers`() {
    var (a, b) = (
      KeyedGenerator(seed: 7, purpose: .views, 1, 2, 3, 4),
      KeyedGenerator(seed: 7, purpose: .views, 1, 2, 3, 4)
    )
    for _ in 0..<100 { #expect(a.next() == b.next()) }
  }

  @Test func `a key that differs in any part gives other numbers`() {
    var keys: [KeyedGenerator] = []
    for seed in [0, 1] as [UInt64] {
      for purpose in [
        KeyedGenerator.Purpose.weights, .order, .views, .dropPath, .split, .probe, .mixing, .masks,
      ] {
        for place in 0..<16 {
          let bit = { (axis: Int) in place >> axis & 1 }
          keys.append(KeyedGenerator(seed: seed, purpose: purpose, bit(0), bit(1), bit(2), bit(3)))
        }
      }
    }
    let firsts = Set(
      keys.map { key in
        var key = key
        return key.next()
      })
    #expect(firsts.count == keys.count)
  }

  @Test func `swapped parts of a key are another key`() {
    var (a, b) = (
      KeyedGenerator(seed: 1, purpose: .views, 3, 5), KeyedGenerator(seed: 1, purpose: .views, 5, 3)
    )
    #expect(a.next() != b.next())
  }

  @Test func `streams of neighbouring keys are uniform together`() {
    // χ² over 64 bins with 64,000 first numbers: 63 ± 5 · √126.
    var bins = Array(repeating: 0.0, count: 64)
    for sample in 0..<64_000 {
      var generator = KeyedGenerator(seed: 3, purpose: .dropPath, 0, sample)
      bins[Int(generator.uniform() * 64)] += 1
    }
    let deviation = bins.reduce(0) { $0 + ($1 - 1000) * ($1 - 1000) / 1000 }
    #expect(abs(deviation - 63) < 5 * 126.0.squareRoot(), "χ² = \(deviation)")
  }

  @Test func `normal numbers have mean 0, variance 1 and a normal's fourth moment`() {
    var generator = KeyedGenerator(seed: 11, purpose: .weights)
    let numbers = (0..<100_000).map { _ in generator.normal() }
    let mean = numbers.reduce(0, +) / 100_000
    let variance = numbers.reduce(0) { $0 + $1 * $1 } / 100_000
    let fourth = numbers.reduce(0) { $0 + $1 * $1 * $1 * $1 } / 100_000
    #expect(abs(mean) < 0.016)
    #expect(abs(variance - 1) < 0.023)
    #expect(abs(fourth - 3) < 0.16)
  }

  @Test(arguments: [0, 1, 2, 17, 1000])
  func `a permutation holds every integer once`(count: Int) {
    var generator = KeyedGenerator(seed: 5, purpose: .order, count)
    #expect(generator.permutation(count).sorted() == Array(0..<count))
  }

  @Test func `every order of three is as frequent as any other`() {
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<6000 {
      var generator = KeyedGenerator(seed: 9, purpose: .order, epoch)
      counts[generator.permutation(3), default: 0] += 1
    }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 })
  }

  @Test func `an index is below its bound and reaches both ends`() {
    var generator = KeyedGenerator(seed: 2, purpose: .split)
    let drawn = Set((0..<500).map { _ in generator.index(below: 5) })
    #expect(drawn == [0, 1, 2, 3, 4])
  }
}
