import CEmanateKernels
import EmanateKernels
import Testing

@Suite struct PackedMatrixTests {
  private static func numbers(_ count: Int, _ seed: Int) -> [Float] {
    var generator = KeyedGenerator(seed: 3, purpose: .split, seed)
    return (0..<count).map { _ in Float(generator.uniform(-1, 1)) }
  }

  /// a [rows, depth] times b [depth, columns], plus c where it is accumulated, in Double.
  private static func oracle(
    _ a: (Int, Int) -> Float, _ b: (Int, Int) -> Float, rows: Int, columns: Int, depth: Int, plus c: [Float]?
  ) -> [Double] {
    (0..<rows * columns).map { place in
      let (row, column) = (place / columns, place % columns)
      return (0..<depth).reduce(c.map { Double($0[place]) } ?? 0) {
        $0 + Double(a(row, $1)) * Double(b($1, column))
      }
    }
  }

  private static let shapes = [
    (1, 16, 1), (5, 16, 7), (6, 48, 192), (13, 64, 256), (20, 80, 300), (200, 192, 768), (7, 144, 1000),
  ]

  @Test(arguments: shapes, [false, true])
  func `products with a packed matrix equal the oracle in both forms`(
    shape: (Int, Int, Int), accumulates: Bool
  ) {
    let (rows, columns, depth) = shape
    let (a, w) = (Self.numbers(rows * depth, 1), Self.numbers(columns * depth, 2))
    let before = Self.numbers(rows * columns, 3)
    for isTransposed in [false, true] {
      var memory = [Float](repeating: .nan, count: depth * columns)
      w.withUnsafeBufferPointer { w in
        memory.withUnsafeMutableBufferPointer { memory in
          _ = PackedMatrix(
            Matrix(w.baseAddress!, stride: isTransposed ? depth : columns, transposed: isTransposed),
            depth: depth,
            columns: columns, into: memory.baseAddress!)
        }
      }
      let expected = Self.oracle(
        { a[$0 * depth + $1] }, { isTransposed ? w[$1 * depth + $0] : w[$0 * columns + $1] }, rows: rows,
        columns: columns, depth: depth, plus: accumulates ? before : nil)
      for form in [em_packed_product_narrow, em_packed_product_wide, em_packed_product] {
        var c = accumulates ? before : [Float](repeating: .nan, count: rows * columns)
        form(a, depth, memory, rows, columns, depth, &c, columns, accumulates ? 1 : 0)
        let worst = zip(c, expected).map { abs(Double($0) - $1) }.max() ?? 0
        #expect(
          worst < 1e-6 * Double(depth).squareRoot() * 8, "\(shape), transposed \(isTransposed): \(worst)")
      }
    }
  }
}
