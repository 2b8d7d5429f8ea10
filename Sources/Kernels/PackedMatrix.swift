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

/// The same in bfloat16: numbers are rounded while they are packed, and two steps of the depth lie side by side. The
/// memory is the caller's: columns x depth numbers, the depth rounded up to an even one.
package struct PackedBfloat16Matrix {
  let base: UnsafeMutablePointer<UInt16>
  let depth, columns: Int

  /// Packs `matrix` into `base` on the pool.
  package init(_ matrix: Matrix, depth: Int, columns: Int, into base: UnsafeMutablePointer<UInt16>) {
    precondition(
      PackedMatrix.fits(columns: columns), "PackedBfloat16Matrix: \(columns) columns are not a multiple of 16"
    )
    (self.base, self.depth, self.columns) = (base, depth, columns)
    let blocks = Blocks(columns / 16, about: 4)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      let first = part.lowerBound * 16
      let from = matrix.dropping(columns: first)
      em_pack_bfloat16(
        from.base, from.stride, from.isTransposed ? 1 : 0, depth, part.count * 16,
        base + first * (depth + depth % 2))
    }
  }

  /// c = a · self + beta c for some rows, on the calling thread; beta is 0 or 1. With beta 0 a bias may be added.
  package func product(
    _ a: UnsafePointer<UInt16>, stride: Int, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0,
    bias: UnsafePointer<Float>? = nil
  ) {
    em_packed_product_bfloat16(a, stride, base, rows, columns, depth, bias, c, columns, beta == 0 ? 0 : 1)
  }
}

/// Whether the processor multiplies bfloat16 numbers itself; where it does not, they are widened to float32 first.
public func hasBfloat16Instructions() -> Bool { em_has_bfloat16_instructions() != 0 }
