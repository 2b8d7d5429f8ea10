import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Multiplies row blocks with one matrix, packed once for all of them where its width allows.
struct BlockMultiplication {
  private enum Form {
    case asItIs
    case packed(PackedMatrix)
    case rounded(PackedBfloat16Matrix)
  }

  private let matrix: Matrix
  private let depth, columns: Int
  private let memory: Tensor?
  private let form: Form

  /// [depth, columns]; the matrix itself must outlive this value. In bfloat16 it is rounded while it is packed, and
  /// `columns` must be a multiple of 16.
  init(_ matrix: Matrix, depth: Int, columns: Int, in precision: Precision = .float32) {
    (self.matrix, self.depth, self.columns) = (matrix, depth, columns)
    if precision == .bfloat16 {
      let memory = Tensor(uninitialized: [columns, depth + depth % 2], as: .bfloat16)
      self.memory = memory
      form = .rounded(
        PackedBfloat16Matrix(matrix, depth: depth, columns: columns, into: memory.bfloat16Pointer))
    } else if PackedMatrix.fits(columns: columns) {
      let memory = Tensor(uninitialized: [depth, columns])
      self.memory = memory
      form = .packed(PackedMatrix(matrix, depth: depth, columns: columns, into: memory.pointer))
    } else {
      (memory, form) = (nil, .asItIs)
    }
  }

  /// c = a · matrix + beta c, or plus the bias [columns]: [rows, depth] -> [rows, columns], both without gaps
  /// between rows. beta is 0 or 1, and 0 with a bias. a is of the kind that the matrix was packed for.
  func callAsFunction(
    _ a: Operand, rows: Int, into c: UnsafeMutablePointer<Float>, beta: Float = 0,
    bias: UnsafeMutablePointer<Float>? = nil
  ) {
    switch (form, a) {
    case (.packed(let packed), .float32(let a)):
      packed.product(a, stride: depth, rows: rows, into: c, beta: beta, bias: bias)
    case (.rounded(let packed), .bfloat16(let a)):
      packed.product(a, stride: depth, rows: rows, into: c, beta: beta, bias: bias)
    case (.asItIs, .float32(let a)):
      blockProduct(
        Matrix(a, stride: depth), matrix, rows: rows, columns: columns, depth: depth, into: c,
        stride: columns, beta: beta)
      if let bias { em_add_bias(c, bias, rows, columns) }
    default:
      preconditionFailure("BlockMultiplication: packed for another kind of operand")
    }
    withExtendedLifetime(memory) {}
  }
}
