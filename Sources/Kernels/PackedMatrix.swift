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

  /// c = a · self + beta c for some rows, on the calling thread; beta is 0 or 1. With beta 0 a bias may be added.
  package func product(
    _ a: UnsafePointer<Float>, stride: Int, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0,
    bias: UnsafePointer<Float>? = nil
  ) {
    em_packed_product(a, stride, base, rows, columns, depth, bias, c, columns, beta == 0 ? 0 : 1)
  }
}
