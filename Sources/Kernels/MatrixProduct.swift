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
  package let count: Int
  /// Where blocks begin is a multiple of this.
  private let unit: Int

  /// Blocks of at most about 5/3 of `size`, as equal as they can be; where they are large, in steps of 8. Three and
  /// more come in a number that two threads share evenly, eight and more four, sixteen and more eight threads: of 33
  /// equal blocks one would be waited for by all other threads.
  package init(_ total: Int, about size: Int) {
    self.total = total
    let wanted = (total + size / 3) / max(size, 1)
    let even = wanted < 3 ? 1 : wanted < 8 ? 2 : wanted < 16 ? 4 : 8
    let count = max(1, (wanted + even / 2) / even * even)
    unit = count > 1 && total / count >= 64 ? 8 : 1
    self.count = min(count, total)
  }

  /// Most elements of a block.
  package var size: Int { min(total, (total + count - 1) / max(count, 1) + unit - 1) }

  package subscript(_ index: Int) -> Range<Int> { start(index)..<start(index + 1) }

  private func start(_ index: Int) -> Int {
    index == count ? total : (index * total / count + unit / 2) / unit * unit
  }
}

extension Range<Int> {
  package func shifted(by offset: Int) -> Range { lowerBound + offset..<upperBound + offset }
}
