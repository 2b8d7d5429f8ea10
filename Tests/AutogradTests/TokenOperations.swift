import EmanateAutograd
import EmanateTensors
import TestSupport

extension Operation {
  /// Rows of tokens, gates and biases, for the checks over all operations.
  static let rows: [Operation] = [
    Operation(name: "gathered rows", inputs: [hashFilled("x", [2, 4, 5])]) {
      gatheredRows($0[0], [7, 0, 3, 3])
    },
    Operation(name: "replaced rows", inputs: [hashFilled("x", [2, 4, 5]), hashFilled("token", [1, 5])]) {
      replacedRows($0[0], [6, 0, 3], by: $0[1])
    },
    Operation(name: "registers", inputs: [hashFilled("x", [3, 4, 5]), hashFilled("r", [1, 2, 5])]) {
      withRegisters($0[0], $0[1])
    },
    Operation(name: "scaled rows", inputs: [hashFilled("x", [6, 2, 3]), hashFilled("f", [6])]) {
      scaledRows($0[0], by: $0[1])
    },
    Operation(name: "gated channels", inputs: [hashFilled("x", [3, 2, 4, 19]), hashFilled("g", [3, 19])]) {
      gatedChannels($0[0], by: $0[1])
    },
    Operation(name: "an added bias", inputs: [hashFilled("x", [2, 9, 18, 7]), hashFilled("b", [7])]) {
      addedBias($0[0], $0[1])
    },
    Operation(
      name: "hard sigmoid", inputs: [Tensor([-5, -2.5, -1, 0, 0.3, 1, 2.5, 4, 7], [1, 1, 1, 9])]
    ) { materialized(FeatureMap($0[0]), .hardSigmoid) },
  ]
}
