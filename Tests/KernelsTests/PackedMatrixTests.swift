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
    let bias = Self.numbers(columns, 7)
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
        form(a, depth, memory, rows, columns, depth, nil, &c, columns, accumulates ? 1 : 0)
        let worst = zip(c, expected).map { abs(Double($0) - $1) }.max() ?? 0
        #expect(
          worst < 1e-6 * Double(depth).squareRoot() * 8, "\(shape), transposed \(isTransposed): \(worst)")
        if accumulates { continue }
        var biased = c
        form(a, depth, memory, rows, columns, depth, bias, &biased, columns, 0)
        let off = biased.indices.map { abs(biased[$0] - c[$0] - bias[$0 % columns]) }.max() ?? 0
        #expect(off < 1e-5, "\(shape), with a bias: \(off)")
      }
    }
  }

  private static let gradients = [
    (1, 1, 1), (6, 16, 5), (7, 17, 200), (192, 192, 96), (200, 250, 193), (80, 400, 104),
  ]

  @Test(arguments: gradients, [false, true])
  func `a weight's gradient equals the oracle in both forms`(shape: (Int, Int, Int), accumulates: Bool) {
    let (outputs, inputs, rows) = shape
    let (dy, x) = (Self.numbers(rows * outputs, 4), Self.numbers(rows * inputs, 5))
    let before = Self.numbers(outputs * inputs, 6)
    let expected = Self.oracle(
      { dy[$1 * outputs + $0] }, { x[$0 * inputs + $1] }, rows: outputs, columns: inputs, depth: rows,
      plus: accumulates ? before : nil)
    for form in [em_weight_gradient_narrow, em_weight_gradient_wide, em_weight_gradient] {
      var dw = accumulates ? before : [Float](repeating: .nan, count: outputs * inputs)
      var scratch = [Float](repeating: .nan, count: em_weight_gradient_scratch())
      form(dy, x, rows, outputs, inputs, &dw, accumulates ? 1 : 0, &scratch)
      let worst = zip(dw, expected).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(worst < 1e-6 * Double(rows).squareRoot() * 8, "\(shape): \(worst)")
    }
  }
}
