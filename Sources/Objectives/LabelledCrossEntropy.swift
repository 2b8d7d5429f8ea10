import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// The cross-entropy with labels where only some images have one: the classification cost of Mean Teacher
/// (Tarvainen and Valpola 2017, arXiv:1703.01780).
///
/// It is summed over the images that have a label and divided by the number of all, as both versions of the
/// authors' code do ("mean over all examples, not just labeled examples"): a batch with few labels gives a
/// small cost.
public struct LabelledCrossEntropy: Sendable {
  /// The loss has no settings.
  public init() {}

  /// logits: [N, C], labels: N classes, nil where there is none -> [1]. Rows without a label get the gradient
  /// 0.
  public func callAsFunction(_ logits: consuming Variable, labels: [Int?]) -> Variable {
    let (rows, classes) = (logits.shape[0], logits.shape[1])
    precondition(
      labels.count == rows && rows > 0, "LabelledCrossEntropy: \(rows) rows and \(labels.count) labels")
    for (row, label) in labels.enumerated() {
      precondition(
        label.map { 0..<classes ~= $0 } ?? true,
        "LabelledCrossEntropy: label \(label ?? 0) of row \(row), classes 0..<\(classes)")
    }
    return crossEntropy(logits, temperature: 1, tasks: rows, name: "cross-entropy") { row, compare in
      let target = Tensor(repeating: 0, [classes])
      if let label = labels[row] { target.pointer[label] = 1 }
      compare(row, target.pointer, 1, labels[row] == nil ? 0 : 1 / Float(rows))
      withExtendedLifetime(target) {}
    }
  }
}
