import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Multiplies row blocks with one matrix, packed once for all of them where its width allows.
struct BlockMultiplication {
  private let matrix: Matrix
  private let depth, columns: Int
  private let memory: Tensor?
  private let packed: PackedMatrix?

  /// [depth, columns]; the matrix itself must outlive this value.
  init(_ matrix: Matrix, depth: Int, columns: Int) {
    (self.matrix, self.depth, self.columns) = (matrix, depth, columns)
    memory = PackedMatrix.fits(columns: columns) ? Tensor(uninitialized: [depth, columns]) : nil
    packed = memory.map { PackedMatrix(matrix, depth: depth, columns: columns, into: $0.pointer) }
  }

  /// c = a · matrix + beta c, or plus the bias [columns]: [rows, depth] -> [rows, columns], both without gaps
  /// between rows. beta is 0 or 1, and 0 with a bias.
  func callAsFunction(
    _ a: UnsafeMutablePointer<Float>, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0,
    bias: UnsafeMutablePointer<Float>? = nil
  ) {
    if let packed {
      packed.product(a, stride: depth, rows: rows, into: c, beta: beta, bias: bias)
    } else {
      blockProduct(
        Matrix(a, stride: depth), matrix, rows: rows, columns: columns, depth: depth, into: c,
        stride: columns, beta: beta)
      if let bias { em_add_bias(c, bias, rows, columns) }
    }
    withExtendedLifetime(memory) {}
  }
}
