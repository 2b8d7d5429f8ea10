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

  @Test(arguments: PositionInterpolation.allCases, [(3, 7), (6, 2), (5, 9)])
  func `a grid that is not square takes each axis by its own side`(
    rule: PositionInterpolation, sides: (Int, Int)
  ) {
    let old = 5
    // What a place reads of an axis, from the square grid of its side.
    func axis(_ new: Int) -> [[Float]] {
      let values = rule.matrix(from: old, to: new).array
      var shares = [[Float]](repeating: [Float](repeating: 0, count: old), count: new)
      for y in 0..<new {
        let row = y * new * old * old
        for place in 0..<old * old { shares[y][place / old] += values[row + place] }
      }
      return shares
    }
    let matrix = rule.matrix(from: old, to: PatchGrid(rows: sides.0, columns: sides.1))
    #expect(matrix.shape == [sides.0 * sides.1, 25])
    // DINO's rule leaves a side of 5 alone only where both are 5.
    if rule == .dino && (sides.0 == old || sides.1 == old) { return }
    let (down, across, values) = (axis(sides.0), axis(sides.1), matrix.array)
    for y in 0..<sides.0 {
      for x in 0..<sides.1 {
        for place in 0..<25 {
          let expected = down[y][place / old] * across[x][place % old]
          #expect(abs(values[(y * sides.1 + x) * 25 + place] - expected) < 1e-5)
        }
      }
    }
  }

  @Test func `DINO's rule shifts an axis that keeps its side where the other changes`() {
    let values = PositionInterpolation.dino.matrix(from: 4, to: PatchGrid(rows: 4, columns: 6)).array
    // Row 3 would read row 3 alone; 4.1 places for 4 move where it reads a little up.
    var rows = [Float](repeating: 0, count: 4)
    for place in 0..<16 { rows[place / 4] += values[3 * 6 * 16 + place] }
    #expect(abs(rows.reduce(0, +) - 1) < 1e-5)
    #expect(rows[3] < 0.999 && rows[2] > 0.001)
  }
}
