import COpenBLAS

/// A row-major matrix somewhere in memory, read as it is or transposed.
package struct Matrix {
  package let base: UnsafePointer<Float>
  /// Elements from one stored row to the next.
  package let stride: Int
  package let isTransposed: Bool

  package init(_ base: UnsafePointer<Float>, stride: Int, transposed: Bool = false) {
    self.base = base
    self.stride = stride
    isTransposed = transposed
  }

  package init(_ base: UnsafeMutablePointer<Float>, stride: Int, transposed: Bool = false) {
    self.init(UnsafePointer(base), stride: stride, transposed: transposed)
  }

  /// The same matrix from a logical row on.
  func dropping(rows: Int) -> Matrix {
    Matrix(base + (isTransposed ? rows : rows * stride), stride: stride, transposed: isTransposed)
  }

  /// The same matrix from a logical column on.
  func dropping(columns: Int) -> Matrix {
    Matrix(base + (isTransposed ? columns * stride : columns), stride: stride, transposed: isTransposed)
  }
}

/// OpenBLAS runs single-threaded inside our pool; said once, when the first product is asked for.
private let singleThreadedOnce: Void = openblas_set_num_threads(1)

/// The name of OpenBLAS's kernel set on this machine, `Zen` or `SkylakeX`, say.
package func blasKernelSet() -> String {
  String(cString: openblas_get_corename())
}

/// OpenBLAS's version and build options.
package func blasVersion() -> String {
  String(cString: openblas_get_config())
}

/// c = a b + beta c for one block on the calling thread: [rows, depth] [depth, columns] -> [rows, columns].
package func blockProduct(
  _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, depth: Int, into c: UnsafeMutablePointer<Float>,
  stride: Int,
  beta: Float = 0
) {
  _ = singleThreadedOnce
  cblas_sgemm(
    CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
    blasint(rows), blasint(columns), blasint(depth), 1, a.base, blasint(a.stride), b.base, blasint(b.stride),
    beta, c,
    blasint(stride))
}

/// c = a b + beta c on the pool: [rows, depth] [depth, columns] -> [rows, columns].
///
/// Cut into blocks by `Blocks`, which look at the shape only: another row count would give other last bits in
/// OpenBLAS, so the number of threads must not choose it.
package func product(
  _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, depth: Int, into c: UnsafeMutablePointer<Float>,
  stride: Int,
  beta: Float = 0
) {
  if rows == 0 || columns == 0 { return }
  let rowBlocks = Blocks(rows, about: rows >= 768 ? 192 : 96)
  // Few rows (weight gradients, heads): cut the columns as well, so that there is work for every thread.
  let columnBlocks = Blocks(columns, about: rowBlocks.count >= 6 ? columns : (columns > 768 ? 256 : 96))
  ThreadPool.shared.forEach(rowBlocks.count * columnBlocks.count) { index in
    let (row, column) = (rowBlocks[index / columnBlocks.count], columnBlocks[index % columnBlocks.count])
    blockProduct(
      a.dropping(rows: row.lowerBound), b.dropping(columns: column.lowerBound), rows: row.count,
      columns: column.count, depth: depth, into: c + row.lowerBound * stride + column.lowerBound,
      stride: stride,
      beta: beta)
  }
}

/// A range cut into equal blocks of about a given size; depends on nothing but the two numbers.
package struct Blocks {
  package let total: Int
  package let size: Int
  package let count: Int

  /// Blocks of at most about 4/3 of `size` (5/3 if there is only one), all equal but the last; large ones are
  /// multiples of 8, small ones as equal as they can be, so that threads finish together.
  package init(_ total: Int, about size: Int) {
    self.total = total
    let wanted = max(1, (total + size / 3) / max(size, 1))
    let even = (total + wanted - 1) / wanted
    self.size = wanted == 1 ? max(total, 1) : (even >= 64 ? (even + 7) / 8 * 8 : even)
    count = total == 0 ? 0 : (total + self.size - 1) / self.size
  }

  package subscript(_ index: Int) -> Range<Int> { index * size..<min((index + 1) * size, total) }
}
