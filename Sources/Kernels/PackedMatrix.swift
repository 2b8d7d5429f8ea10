import CEmanateKernels

/// A [depth, columns] matrix laid out in panels of sixteen columns, so that many row blocks can be multiplied with it
/// without packing it again. The memory is the caller's: depth x columns floats.
package struct PackedMatrix {
  let base: UnsafeMutablePointer<Float>
  let depth, columns: Int

  /// Whether a matrix of so many columns can be packed.
  package static func fits(columns: Int) -> Bool { columns % 16 == 0 }

  /// Packs `matrix` into `base` on the pool.
  package init(_ matrix: Matrix, depth: Int, columns: Int, into base: UnsafeMutablePointer<Float>) {
    precondition(Self.fits(columns: columns), "PackedMatrix: \(columns) columns are not a multiple of 16")
    (self.base, self.depth, self.columns) = (base, depth, columns)
    let blocks = Blocks(columns / 16, about: 4)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      let first = part.lowerBound * 16
      let from = matrix.dropping(columns: first)
      em_pack(
        from.base, from.stride, from.isTransposed ? 1 : 0, depth, part.count * 16, base + first * depth)
    }
  }

  /// c = a · self + beta c for some rows, on the calling thread; beta is 0 or 1.
  package func product(
    _ a: UnsafePointer<Float>, stride: Int, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0
  ) {
    em_packed_product(a, stride, base, rows, columns, depth, c, columns, beta == 0 ? 0 : 1)
  }
}

/// Whether `packedGradient` is the faster way to a weight's gradient here: its tile is made for sixteen registers; with
/// AVX-512 the library's kernels come closer to the processor's rate.
package let packedGradientPays = em_has_wide_registers() == 0

/// c = aᵀ b + beta c on the pool, a weight's gradient: a [depth, rows], b [depth, columns] -> [rows, columns].
///
/// Both operands are packed once into panels of sixteen columns, in `memory` of depth x (rows + columns) floats, and
/// shared by all blocks of c. rows and columns are multiples of 16; beta is 0 or 1.
package func packedGradient(
  _ a: UnsafePointer<Float>, rows: Int, _ b: UnsafePointer<Float>, columns: Int, depth: Int,
  memory: UnsafeMutablePointer<Float>, into c: UnsafeMutablePointer<Float>, beta: Float
) {
  let left = PackedMatrix(Matrix(a, stride: rows), depth: depth, columns: rows, into: memory)
  let right = PackedMatrix(
    Matrix(b, stride: columns), depth: depth, columns: columns, into: memory + depth * rows)
  let blocks = Blocks(rows / 16, about: 3)
  ThreadPool.shared.forEach(blocks.count) { index in
    let part = blocks[index]
    em_packed_gradient(
      left.base + part.lowerBound * 16 * depth, right.base, depth, part.count, columns,
      c + part.lowerBound * 16 * columns, columns, beta == 0 ? 0 : 1)
  }
}
