import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// One distribution out of several teachers': what a student of all of them learns from.
///
/// The weighted mean of the teachers' probabilities, which makes one loss out of the weighted sum of losses
/// against each of them: their gradients are the same.
public struct TeacherMixture: Sendable {
  /// How much each teacher counts.
  public enum Weighting: Hashable, Sendable {
    /// All alike (Hinton et al. 2015, arXiv:1503.02531, section 3; You et al. 2017).
    case mean
    /// As given; they are divided by their sum.
    case given([Float])
    /// For each image by how well a teacher knows its class (CA-MKD, Zhang et al. 2022, arXiv:2201.00007):
    /// (1 − exp(CE_k)/Σ_j exp(CE_j))/(K − 1), CE_k being the cross-entropy with the label at temperature 1.
    case confidence
  }

  /// How much each teacher counts.
  public let weighting: Weighting
  /// What logits are divided by, T.
  public let temperature: Float

  /// A weighting, and the temperature of the student's loss.
  public init(_ weighting: Weighting = .mean, temperature: Float = 4) {
    precondition(temperature > 0, "TeacherMixture: temperature \(temperature); above 0 is needed")
    if case .given(let weights) = weighting {
      precondition(
        weights.allSatisfy { $0 >= 0 } && weights.reduce(0, +) > 0, "TeacherMixture: weights \(weights)")
    }
    (self.weighting, self.temperature) = (weighting, temperature)
  }

  /// Each teacher's logits, [N, C] -> probabilities at temperature T, [N, C]; labels: N classes, needed by
  /// `.confidence`.
  public func callAsFunction(logits: [Tensor], labels: [Int]? = nil) -> Tensor {
    let factor = 1 / Double(temperature)
    return mixed(logits, weights(logits: logits, labels: labels)) {
      SoftRow($0, factor: factor, count: $1, in: $2)
    }
  }

  /// Each teacher's probabilities, [N, C], at whatever temperature they are -> their mixture, [N, C];
  /// labels as above. CA-MKD's confidence is that of the probabilities as they are.
  public func callAsFunction(probabilities: [Tensor], labels: [Int]? = nil) -> Tensor {
    let weights = weights(probabilities, labels) { SoftRow(probabilities: $0, count: $1, in: $2) }
    return mixed(probabilities, weights) { SoftRow(probabilities: $0, count: $1, in: $2) }
  }

  /// How much each of K teachers counts for each row, [K, N]; columns sum to 1.
  public func weights(logits: [Tensor], labels: [Int]? = nil) -> Tensor {
    weights(logits, labels) { SoftRow($0, factor: 1, count: $1, in: $2) }
  }

  /// A row of a teacher's numbers, how many there are, scratch -> probabilities.
  private typealias Softening = (UnsafePointer<Float>, Int, UnsafeMutablePointer<Double>) -> SoftRow

  private func weights(_ teachers: [Tensor], _ labels: [Int]?, _ soften: Softening) -> Tensor {
    check(teachers, labels)
    let (rows, classes) = (teachers[0].shape[0], teachers[0].shape[1])
    let result = Tensor(repeating: 1 / Float(teachers.count), [teachers.count, rows])
    switch weighting {
    case .mean: break
    case .given(let weights):
      precondition(
        weights.count == teachers.count,
        "TeacherMixture: \(weights.count) weights, \(teachers.count) teachers")
      let sum = weights.reduce(0, +)
      for (k, weight) in weights.enumerated() {
        (result.pointer + k * rows).update(repeating: weight / sum, count: rows)
      }
    case .confidence:
      guard let labels, teachers.count > 1 else { break }
      let scratch = UnsafeMutablePointer<Double>.allocate(capacity: 2 * classes)
      defer { scratch.deallocate() }
      for row in 0..<rows {
        let costs = teachers.map { teacher -> Double in
          let soft = soften(teacher.pointer + row * classes, classes, scratch)
          let share = soft.shares[labels[row]]
          // A logarithm may be told where its probability is 0.
          return share > 0 ? -soft.logs[labels[row]] : max(-soft.logs[labels[row]], 745)
        }
        let top = costs.max() ?? 0
        let powers = costs.map { exponential($0 - top) }
        let sum = powers.reduce(0, +)
        for (k, power) in powers.enumerated() {
          result.pointer[k * rows + row] = Float((1 - power / sum) / Double(teachers.count - 1))
        }
      }
    }
    return withExtendedLifetime(teachers) { result }
  }

  private func mixed(_ teachers: [Tensor], _ weights: Tensor, _ soften: Softening) -> Tensor {
    let (rows, classes) = (teachers[0].shape[0], teachers[0].shape[1])
    let result = Tensor(uninitialized: [rows, classes])
    withoutActuallyEscaping(soften) { soften in
      ThreadPool.shared.forEach(rows) { row in
        let sums = UnsafeMutablePointer<Double>.allocate(capacity: 3 * classes)
        defer { sums.deallocate() }
        sums.update(repeating: 0, count: classes)
        for (k, teacher) in teachers.enumerated() {
          let soft = soften(teacher.pointer + row * classes, classes, sums + classes)
          let weight = Double(weights.pointer[k * rows + row])
          for i in 0..<classes { sums[i] += weight * soft.shares[i] }
        }
        for i in 0..<classes { result.pointer[row * classes + i] = Float(sums[i]) }
      }
    }
    return withExtendedLifetime((teachers, weights)) { result }
  }

  private func check(_ teachers: [Tensor], _ labels: [Int]?) {
    precondition(
      !teachers.isEmpty
        && teachers.allSatisfy { $0.shape == teachers[0].shape && $0.shape.rank == 2 && $0.shape[1] > 0 },
      "TeacherMixture: teachers \(teachers.map { $0.shape }); [N, C] of at least one is needed")
    if weighting == .confidence {
      let (rows, classes) = (teachers[0].shape[0], teachers[0].shape[1])
      precondition(
        labels?.count == rows && labels?.allSatisfy { 0..<classes ~= $0 } == true,
        "TeacherMixture: confidence needs \(rows) labels of classes 0..<\(classes)")
    }
  }
}
