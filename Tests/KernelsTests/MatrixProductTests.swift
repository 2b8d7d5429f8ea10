import EmanateKernels
import EmanateTensors
import TestSupport
import Testing

/// c = a b + beta c in double precision; a[i, p] and b[p, j] are read through closures.
private func oracle(
  rows: Int, columns: Int, depth: Int, _ a: (Int, Int) -> Float, _ b: (Int, Int) -> Float, _ c: [Float],
  beta: Float
) -> Tensor {
  var result = [Float]()
  for i in 0..<rows {
    for j in 0..<columns {
      var sum = 0.0
      for p in 0..<depth { sum += Double(a(i, p)) * Double(b(p, j)) }
      result.append(Float(sum + (beta == 0 ? 0 : Double(beta) * Double(c[i * columns + j]))))
    }
  }
  return Tensor(result, [rows, columns])
}

@Suite struct MatrixProductTests {
  static let shapes: [(Int, Int, Int)] = [
    (1, 1, 1), (1, 7, 3), (5, 1, 9), (8, 8, 8), (17, 33, 65), (96, 20, 48), (97, 200, 31), (130, 390, 16),
    (200, 900, 7), (800, 24, 24), (1000, 9, 5), (3, 1500, 40),
  ]

  @Test(arguments: shapes)
  func `a product equals its definition, transposed or not, added or not`(rows: Int, columns: Int, depth: Int)
  {
    let (a, b) = (hashFilled("a", [rows * depth + 2 * rows]), hashFilled("b", [depth * columns + 3 * depth]))
    for isTransposedA in [false, true] {
      for isTransposedB in [false, true] {
        for beta in [0, 1] as [Float] {
          let c = beta == 0 ? Tensor(repeating: .nan, [rows, columns]) : hashFilled("c", [rows, columns])
          let before = c.array
          let (strideA, strideB) = (isTransposedA ? rows : depth, isTransposedB ? depth : columns)
          product(
            Matrix(a.pointer, stride: strideA, transposed: isTransposedA),
            Matrix(b.pointer, stride: strideB, transposed: isTransposedB), rows: rows, columns: columns,
            depth: depth,
            into: c.pointer, stride: columns, beta: beta)
          let expected = oracle(
            rows: rows, columns: columns, depth: depth,
            { a.pointer[isTransposedA ? $1 * strideA + $0 : $0 * strideA + $1] },
            { b.pointer[isTransposedB ? $1 * strideB + $0 : $0 * strideB + $1] }, before, beta: beta)
          #expect(
            relativeError(c, expected) < 1e-6, "transposed: \(isTransposedA), \(isTransposedB), beta \(beta)")
        }
      }
    }
  }

  @Test func `rows may stand apart, and what stands between them is left alone`() {
    let (rows, columns, depth, stride) = (100, 20, 12, 29)
    let (a, b) = (hashFilled("a", [rows, 15]), hashFilled("b", [depth, 23]))
    let c = Tensor(repeating: 5, [rows, stride])
    product(
      Matrix(a.pointer, stride: 15), Matrix(b.pointer, stride: 23), rows: rows, columns: columns,
      depth: depth,
      into: c.pointer, stride: stride)
    let expected = oracle(
      rows: rows, columns: columns, depth: depth, { a.pointer[$0 * 15 + $1] }, { b.pointer[$0 * 23 + $1] },
      [], beta: 0)
    let values = c.array
    let inside = (0..<rows).flatMap { row in values[row * stride..<row * stride + columns] }
    #expect(relativeError(Tensor(inside, [rows, columns]), expected) < 1e-6)
    for row in 0..<rows {
      #expect(values[row * stride + columns..<(row + 1) * stride].allSatisfy { $0 == 5 })
    }
  }

  @Test func `one, two and three threads give the same bytes`() {
    for (rows, columns, depth) in Self.shapes {
      let (a, b) = (hashFilled("a", [rows, depth]), hashFilled("b", [depth, columns]))
      let results = [1, 2, 3].map { threads in
        withThreads(threads) {
          let c = Tensor(uninitialized: [rows, columns])
          product(
            Matrix(a.pointer, stride: depth), Matrix(b.pointer, stride: columns), rows: rows,
            columns: columns,
            depth: depth, into: c.pointer, stride: columns)
          return c.array
        }
      }
      #expect(results[0] == results[1] && results[0] == results[2], "\(rows) x \(columns) x \(depth)")
    }
  }
}

@Suite struct BlocksTests {
  @Test func `blocks cover a range once, in order`() {
    for total in Array(0...70) + [96, 97, 191, 192, 193, 255, 256, 257, 1000, 65536] {
      for size in [1, 8, 16, 96, 192, 4096] {
        let blocks = Blocks(total, about: size)
        var at = 0
        for index in 0..<blocks.count {
          #expect(blocks[index].lowerBound == at && !blocks[index].isEmpty)
          at = blocks[index].upperBound
        }
        #expect(at == total, "\(total) about \(size)")
      }
    }
  }

  @Test func `blocks are near the wanted size and equal to steps of eight`() {
    for total in 1...3000 {
      let blocks = Blocks(total, about: 192)
      let sizes = (0..<blocks.count).map { blocks[$0].count }
      #expect(sizes.max()! <= blocks.size && blocks.size <= 328, "\(total): \(sizes)")
      #expect(sizes.max()! - sizes.min()! <= 16, "\(total): \(sizes)")
      #expect((0..<blocks.count).allSatisfy { blocks[$0].lowerBound % 8 == 0 }, "\(total)")
    }
  }

  @Test(arguments: [2, 4, 8])
  func `threads get the same number of blocks where there are enough`(threads: Int) {
    for blocks in 2 * threads..<500 {
      #expect(Blocks(96 * blocks, about: 96).count % threads == 0, "\(blocks)")
    }
  }

  @Test func `blocks do not depend on the number of threads`() {
    let ranges = [1, 3].map { threads in
      withThreads(threads) {
        let blocks = Blocks(1000, about: 192)
        return (0..<blocks.count).map { blocks[$0] }
      }
    }
    #expect(ranges[0] == ranges[1])
  }
}
