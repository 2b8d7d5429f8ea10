import EmanateKernels

/// The numbers that networks compute with.
public enum Precision: String, Sendable, CaseIterable {
  /// float32 throughout.
  case float32
  /// Products of bfloat16 numbers, summed in float32, in the backbone (linear layers and convolutions, but depthwise ones)
  /// and at the prototypes; what a transformer's block keeps inside for the backward pass is bfloat16 too. Weights,
  /// residual stream, maps, normalisation, softmax, gradients, loss, optimizer and teacher stay float32.
  case bfloat16
}

extension Precision {
  /// What this machine lacks to compute fast in this precision, in words; nil if nothing.
  public var missing: String? {
    switch self {
    case .float32: nil
    case .bfloat16:
      hasBfloat16Instructions() ? nil : "this processor has no bfloat16 instructions (AVX512_BF16)"
    }
  }
}
