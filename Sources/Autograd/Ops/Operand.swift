import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// Rows as a product reads them, without gaps between rows.
enum Operand {
  case float32(UnsafeMutablePointer<Float>)
  case bfloat16(UnsafeMutablePointer<UInt16>)

  /// `count` numbers from `from`, rounded into `rounded` if there is one.
  init(_ from: UnsafeMutablePointer<Float>, count: Int, rounded: Tensor?) {
    if let rounded {
      em_to_bfloat16(from, count, rounded.bfloat16Pointer)
      self = .bfloat16(rounded.bfloat16Pointer)
    } else {
      self = .float32(from)
    }
  }
}

/// Whether matrices of these sizes are multiplied in bfloat16: packed panels are sixteen columns wide.
func fitsBfloat16(_ sizes: Int...) -> Bool { sizes.allSatisfy { PackedMatrix.fits(columns: $0) } }

/// dw = beta dw + dyᵀ x for some rows, on the calling thread; beta is 0 or 1, both operands of one kind.
/// dy: [rows, outputs], x: [rows, inputs] -> dw: [outputs, inputs].
func weightGradient(
  _ dy: Operand, _ x: Operand, rows: Int, outputs: Int, inputs: Int, into dw: UnsafeMutablePointer<Float>,
  beta: Float, scratch: Tensor
) {
  switch (dy, x) {
  case (.float32(let dy), .float32(let x)):
    em_weight_gradient(dy, x, rows, outputs, inputs, dw, beta == 0 ? 0 : 1, scratch.pointer)
  case (.bfloat16(let dy), .bfloat16(let x)):
    scratch.pointer.withMemoryRebound(to: UInt16.self, capacity: 2 * scratch.count) {
      em_weight_gradient_bfloat16(dy, x, rows, outputs, inputs, dw, beta == 0 ? 0 : 1, $0)
    }
  default:
    preconditionFailure("weightGradient: operands of two kinds")
  }
}

/// What `weightGradient` works in.
func weightGradientScratch() -> Tensor {
  Tensor(uninitialized: [max(em_weight_gradient_scratch(), em_weight_gradient_bfloat16_scratch() / 2 + 1)])
}
