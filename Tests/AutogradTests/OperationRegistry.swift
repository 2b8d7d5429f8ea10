import EmanateAutograd
import EmanateTensors
import TestSupport
import Testing

/// An operation as the checks over all operations meet it.
struct Operation: Sendable, CustomTestStringConvertible {
  let name: String
  let inputs: [Tensor]
  /// Inputs that are integers or tables, so to speak: constants in every check.
  var constants: Set<Int> = []
  /// Inputs whose gradient is only found together with another's.
  var dependents: Set<Int> = []
  var step = 2e-2
  /// The greatest relative error against differences of float32 values.
  var tolerance = 1e-3
  let function: @Sendable ([Variable]) -> Variable

  var testDescription: String { name }
  var tracked: [Int] { inputs.indices.filter { !constants.contains($0) } }

  /// All operations of Sources/Autograd, in all the forms that have code of their own.
  static let all: [Operation] =
    linears + convolutions + rows + [
      Operation(name: "attention", inputs: [x([2, 5, 36])]) { attention($0[0], heads: 3) },
      Operation(name: "attention of one token", inputs: [x([2, 1, 24])]) { attention($0[0], heads: 1) },
      Operation(name: "attention of many tokens", inputs: [x([1, 201, 24])], tolerance: 3e-3) {
        attention($0[0], heads: 1)
      },
      Operation(name: "class attention", inputs: [x([3, 12], "q"), x([3, 7, 24], "kv")]) {
        classAttention($0[0], $0[1], heads: 3).attended
      },
      Operation(name: "class shares", inputs: [x([3, 12], "q"), x([3, 7, 12], "k")]) {
        classShares($0[0], $0[1], heads: 3)
      },
      Operation(
        name: "layer normalisation", inputs: [x([2, 5, 18]), gain(18), x([18], "b")], tolerance: 2e-3
      ) {
        layerNorm($0[0], $0[1], $0[2], epsilon: 1e-6)
      },
      Operation(
        name: "layer normalisation of many rows", inputs: [x([200, 9]), gain(9), x([9], "b")], tolerance: 2e-3
      ) {
        layerNorm($0[0], $0[1], $0[2], epsilon: 1e-6)
      },
      Operation(name: "rows of length one", inputs: [x([6, 10])]) { normalized($0[0]) },
      Operation(
        name: "weight norm", inputs: [x([5, 8]), x([150, 8], "v"), gain(150).reshaped([150, 1])],
        dependents: [2]
      ) { weightNormLinear($0[0], direction: $0[1], gain: $0[2]) },
      Operation(
        name: "weight norm of many prototypes",
        inputs: [x([3, 6]), x([4200, 6], "v"), gain(4200).reshaped([4200, 1])], dependents: [2]
      ) { weightNormLinear($0[0], direction: $0[1], gain: $0[2]) },
      Operation(name: "tokens", inputs: [x([3, 4, 6]), x([1, 1, 6], "cls"), x([1, 5, 6], "pos")]) {
        assembleTokens($0[0], classToken: $0[1], positions: $0[2])
      },
      Operation(name: "class tokens", inputs: [x([3, 4, 6])]) { classTokens($0[0]) },
      Operation(name: "concatenation", inputs: [x([2, 5]), x([1, 5], "b"), x([4, 5], "c")]) {
        concatenated($0)
      },
      Operation(name: "a slice", inputs: [x([6, 5])]) { sliced($0[0], rows: 2..<5) },
      Operation(name: "two slices", inputs: [x([6, 5])]) {
        add(sliced($0[0], rows: 0..<3), sliced($0[0], rows: 2..<5))
      },
      Operation(name: "position embeddings at another side", inputs: [x([1, 10, 7])]) {
        interpolatedPositions($0[0], by: x([16, 9], "matrix"))
      },
      Operation(name: "GELU", inputs: [x([4, 33])]) { gelu($0[0]) },
      Operation(name: "a sum", inputs: [x([4, 5]), x([4, 5], "y")]) { add($0[0], $0[1]) },
      Operation(name: "a number added to itself", inputs: [x([4, 5])]) { add($0[0], $0[0]) },
      Operation(name: "recomputed", inputs: [x([6, 7]), x([9, 7], "w"), x([9], "bias")]) { inputs in
        recomputed(inputs[0]) { gelu(linear(gelu($0), inputs[1], inputs[2])) }
      },
      Operation(name: "another shape", inputs: [x([4, 6])]) { $0[0].reshaped([2, 3, 4]) },
      Operation(name: "cross-entropy", inputs: [x([5, 7])]) { crossEntropy($0[0], labels: [0, 6, 3, 3, 1]) },
      Operation(name: "a weighted sum", inputs: [x([4, 6])]) { weightedSum($0[0], weights: x([4, 6], "w")) },
    ]

  /// Few rows and many (rows from 384 on are cut into blocks that go through all stages), each prelude, with and
  /// without residual and kept samples.
  private static let linears: [Operation] = [6, 100, 400].flatMap { rows -> [Operation] in
    let samples = rows / 2  // of two tokens
    let kept = KeptSamples(samples: (0..<samples).filter { $0 % 3 != 1 }, tokens: 2, scale: 1.25)
    let (a, w, b) = (x([rows, 7]), x([9, 7], "w"), x([9], "bias"))
    let (norm, shift) = (gain(7), x([7], "shift"))
    let (residual, tokens) = (x([rows, 9], "residual"), x([samples, 2, 7], "tokens"))
    let branch = x([kept.count, 2, 7], "branch")
    let whole = x([samples, 2, 9], "whole")
    return [
      Operation(name: "linear, \(rows) rows", inputs: [a, w, b]) { linear($0[0], $0[1], $0[2]) },
      Operation(name: "linear after GELU, \(rows) rows", inputs: [a, w, b]) {
        linear($0[0], $0[1], $0[2], after: .gelu)
      },
      Operation(
        name: "linear after layer normalisation, \(rows) rows", inputs: [a, w, b, norm, shift],
        dependents: [3, 4],
        tolerance: 3e-3
      ) { linear($0[0], $0[1], $0[2], after: .layerNorm(weight: $0[3], bias: $0[4], epsilon: 1e-6)) },
      Operation(name: "linear added to a residual, \(rows) rows", inputs: [a, w, b, residual]) {
        linear($0[0], $0[1], $0[2], addedTo: $0[3])
      },
      Operation(name: "linear after GELU added to a residual, \(rows) rows", inputs: [a, w, b, residual]) {
        linear($0[0], $0[1], $0[2], after: .gelu, addedTo: $0[3])
      },
      Operation(
        name: "linear after layer normalisation of kept samples, \(rows) rows",
        inputs: [tokens, w, b, norm, shift],
        dependents: [3, 4], tolerance: 3e-3
      ) {
        linear($0[0], $0[1], $0[2], after: .layerNorm(weight: $0[3], bias: $0[4], epsilon: 1e-6), of: kept)
      },
      Operation(name: "linear of kept samples added to all, \(rows) rows", inputs: [branch, w, b, whole]) {
        linear($0[0], $0[1], $0[2], addedTo: $0[3], of: kept)
      },
      Operation(
        name: "linear after GELU of kept samples added to all, \(rows) rows", inputs: [branch, w, b, whole]
      ) {
        linear($0[0], $0[1], $0[2], after: .gelu, addedTo: $0[3], of: kept)
      },
    ]
  }

  private static func x(_ shape: Shape, _ name: String = "x") -> Tensor { hashFilled(name, shape) }
  private static func gain(_ count: Int) -> Tensor { hashFilled("gain", [count], scale: 0.3, offset: 1) }
}
