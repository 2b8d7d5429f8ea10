import EmanateAutograd
import EmanateNetworks
import EmanateObjectives
import EmanateTensors

/// A loss of logits.
struct ResponseTerm: DistillationTerm {
  private let loss: (_ student: Variable, _ teacher: Tensor, _ labels: [Int]) -> Variable

  init(_ loss: @escaping (Variable, Tensor, [Int]) -> Variable) { self.loss = loss }
  init(_ loss: @escaping (Variable, Tensor) -> Variable) {
    self.loss = { student, teacher, _ in loss(student, teacher) }
  }

  /// Both networks must have a classifier.
  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let student = batch.logits, let teacher = batch.teacher.logits else {
      preconditionFailure("ResponseTerm: a network without logits")
    }
    return loss(student, teacher, batch.labels)
  }
}

/// A loss of the features of a batch's images among themselves.
struct RelationTerm: DistillationTerm {
  private let loss: (_ student: Variable, _ teacher: Tensor) -> Variable

  init(_ loss: @escaping (Variable, Tensor) -> Variable) { self.loss = loss }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    loss(batch.features, batch.teacher.features)
  }
}

/// FitNets' hints, the mean over the pairs of layers.
struct HintTerm: DistillationTerm {
  private let connectors: [Connector]

  init(_ site: TermSite) throws(TermMisfit) { connectors = try site.connectors() }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    mean(
      zip(connectors, zip(batch.layers, batch.teacher.layers)).map { connector, pair in
        HintLoss()(student: connector(pair.0, pass), teacher: pair.1)
      })
  }
}

/// Attention transfer, the sum over the pairs of layers, as in the paper.
struct AttentionTerm: DistillationTerm {
  init(_ site: TermSite) throws(TermMisfit) {
    for pair in site.pairs {
      let (student, teacher) = (map(pair.student.shape), map(pair.teacher.shape))
      guard AttentionTransferLoss.canCompare(Shape([1] + student), Shape([1] + teacher)) else {
        throw TermMisfit(reason: TermSite.describe(pair) + ": their sizes are not multiples of one another")
      }
    }
  }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    let losses = zip(batch.layers, batch.teacher.layers).map { student, teacher in
      AttentionTransferLoss()(
        student: student.reshaped(Shape([student.shape[0]] + map(Array(student.shape.array.dropFirst())))),
        teacher: teacher.reshaped(Shape([teacher.shape[0]] + map(Array(teacher.shape.array.dropFirst())))))
    }
    return losses.dropFirst().reduce(losses[0]) { add($0, $1) }
  }
}

/// Variational information distillation, the mean over the pairs of layers.
struct VariationalTerm: DistillationTerm {
  private let connectors: [Connector]
  private let alphas: [Parameter]

  init(_ site: TermSite) throws(TermMisfit) {
    connectors = try site.connectors()
    // The authors begin with a variance of 5.
    let alpha = VariationalInformationLoss.alpha(variance: 5)
    alphas = site.pairs.enumerated().map { index, pair in
      site.scope.parameter("\(index).alpha", [pair.teacher.shape.last!], .constant(alpha))
    }
  }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    mean(
      connectors.indices.map { index in
        VariationalInformationLoss()(
          mean: connectors[index](batch.layers[index], pass), alpha: pass[alphas[index]],
          teacher: batch.teacher.layers[index])
      })
  }
}

/// Contrastive representation distillation: both networks' features through learned layers to 128 numbers.
struct ContrastiveTerm: DistillationTerm {
  private var loss: ContrastiveDistillationLoss
  private let student, teacher: Connector
  private static let width = 128

  init(_ site: TermSite) throws(TermMisfit) {
    if site.images < 2 { throw TermMisfit(reason: "one image cannot be compared with others") }
    student = Connector(site.scope.scope("student"), from: site.studentWidth, to: Self.width)
    teacher = Connector(site.scope.scope("teacher"), from: site.teacherWidth, to: Self.width)
    loss = ContrastiveDistillationLoss(
      images: site.images, width: Self.width, classes: site.labels.isEmpty ? nil : site.labels,
      seed: site.seed)
  }

  mutating func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    loss(
      student: student(batch.features, pass), teacher: teacher(Variable(batch.teacher.features), pass),
      places: batch.samples, step: batch.step)
  }

  mutating func didStep() { loss.didStep() }
  var state: [(name: String, tensor: Tensor)] { loss.state }
  mutating func restore(_ state: [String: Tensor]) {
    guard let student = state["studentBank"], let teacher = state["teacherBank"],
      let normalizers = state["normalizers"]
    else { return }
    loss.restore(studentBank: student, teacherBank: teacher, normalizers: normalizers)
  }
}

extension TermSite {
  /// A connector for each pair of layers, whose sizes must agree but for the channels.
  fileprivate func connectors() throws(TermMisfit) -> [Connector] {
    var connectors: [Connector] = []
    for (index, pair) in pairs.enumerated() {
      guard pair.student.shape.dropLast() == pair.teacher.shape.dropLast() else {
        throw TermMisfit(reason: Self.describe(pair) + ": a connector changes channels, not sizes")
      }
      connectors.append(
        Connector(scope.scope("\(index)"), from: pair.student.shape.last!, to: pair.teacher.shape.last!))
    }
    return connectors
  }

  static func describe(_ pair: Pair) -> String {
    func text(_ layer: LayerListing.Layer) -> String {
      "`\(layer.path)` " + layer.shape.map(String.init).joined(separator: " x ")
    }
    return "the student's \(text(pair.student)) and the teacher's \(text(pair.teacher))"
  }
}

/// [H, W, C] as it is; tokens [T, D] as a map of one column.
private func map(_ shape: [Int]) -> [Int] { shape.count == 2 ? [shape[0], 1, shape[1]] : shape }

private func mean(_ losses: [Variable]) -> Variable {
  let sum = losses.dropFirst().reduce(losses[0]) { add($0, $1) }
  return losses.count == 1 ? sum : weightedSum(sum, weights: Tensor([1 / Float(losses.count)], [1]))
}
