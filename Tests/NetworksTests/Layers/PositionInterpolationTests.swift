import EmanateNetworks
import EmanateTensors
import Testing

@Suite struct PositionInterpolationTests {
  @Test(arguments: PositionInterpolation.allCases, [(14, 6), (14, 14), (4, 7), (7, 2), (1, 3)])
  func `each new place is a weighted mean of old ones`(rule: PositionInterpolation, sides: (Int, Int)) {
    let matrix = rule.matrix(from: sides.0, to: sides.1)
    #expect(matrix.shape == [sides.1 * sides.1, sides.0 * sides.0])
    let values = matrix.array
    for row in 0..<matrix.shape[0] {
      let sum = values[row * matrix.shape[1]..<(row + 1) * matrix.shape[1]].reduce(0, +)
      #expect(abs(sum - 1) < 1e-5)
    }
  }

  @Test(arguments: PositionInterpolation.allCases)
  func `a grid of the same side stays as it is`(rule: PositionInterpolation) {
    let values = rule.matrix(from: 5, to: 5).array
    #expect(values.enumerated().allSatisfy { $0.element == ($0.offset / 25 == $0.offset % 25 ? 1 : 0) })
  }

  @Test func `antialiased shrinking is symmetric`() {
    let values = PositionInterpolation.antialiased.matrix(from: 6, to: 3).array
    for (a, b) in zip(values, values.reversed()) { #expect(abs(a - b) < 1e-6) }
  }
}
