import CEmanateKernels
import EmanateKernels
import EmanateTensors

/// What keeps a teacher from giving all images the same prototype.
public enum Centering: Hashable, Sendable {
  /// A moving average of its logits is subtracted (DINO, Caron et al. 2021, arXiv:2104.14294, eq. 4).
  case ema
  /// A batch's prototypes get equal shares (`SinkhornKnopp`); what an image is given then depends on the
  /// whole batch.
  case sinkhorn
  /// Nothing.
  case off
}

/// Makes a teacher's logits into targets: centered, sharpened, and as probabilities; knows how sure they
/// were.
public struct TeacherTargets: Sendable {
  /// What is subtracted from the logits, [K]; starts at 0 and moves under `.ema` only.
  public private(set) var center: Tensor
  /// What keeps targets from becoming all the same.
  public let centering: Centering
  /// The share of the old center that is kept, m in DINO's eq. 4.
  public let centerMomentum: Float

  /// The sum of the raw logits since the center moved, [K], and of how many rows.
  private var noted: (sum: Tensor, rows: Int)?
  /// Whether targets belong to the same batch as those before.
  private var isInsideBatch = false
  /// The entropies of a batch's targets, summed, and of how many rows.
  private var entropy = (sum: 0.0, rows: 0)
  /// The sum of a batch's targets, [K], and the prototype that each of them favours.
  private var choices: (sum: Tensor, favourites: [Int])?

  /// Targets over K prototypes.
  public init(prototypes: Int, centering: Centering = .ema, centerMomentum: Float = 0.9) {
    center = Tensor(repeating: 0, [prototypes])
    self.centering = centering
    self.centerMomentum = centerMomentum
  }

  /// The mean entropy of the last batch's targets, in nats; 0 where there were none.
  public var meanEntropy: Double { entropy.rows == 0 ? 0 : entropy.sum / Double(entropy.rows) }

  /// How the last batch's targets are spread over the prototypes; nil before the first.
  public var statistics: TargetStatistics? {
    guard let (sum, favourites) = choices else { return nil }
    let mean = sum.copied()
    em_scale(mean.pointer, 1 / Float(favourites.count), mean.count)
    let entropyOfMean = withExtendedLifetime(mean) { em_entropy(mean.pointer, mean.count) }
    return TargetStatistics(
      prototypes: sum.count, meanEntropy: meanEntropy, entropyOfMean: entropyOfMean, favourites: favourites)
  }

  /// Of the last batch: `teacherEntropy`, and under `.ema` `centerNorm`.
  public var measures: [(name: String, value: Double)] {
    let norm = withExtendedLifetime(center) { em_sum_of_squares(center.pointer, center.count).squareRoot() }
    return [("teacherEntropy", meanEntropy)] + (centering == .ema ? [("centerNorm", norm)] : [])
  }

  /// What a checkpoint keeps: under `.ema` the center, [K]; otherwise nothing.
  public var state: [(name: String, tensor: Tensor)] { centering == .ema ? [("center", center)] : [] }

  /// Puts a saved center back.
  public mutating func setCenter(_ center: Tensor) {
    precondition(
      center.count == self.center.count,
      "TeacherTargets: a center of \(center.count), not \(self.center.count)")
    self.center = center.copied().reshaped(self.center.shape)
  }

  /// logits: [N, K] -> probabilities [N, K]. A batch that comes in parts calls this and `note` for each, then
  /// `moveCenter` once; under `.sinkhorn` it must come whole.
  public mutating func callAsFunction(_ logits: Tensor, temperature: Float) -> Tensor {
    let (rows, prototypes) = (logits.shape[0], logits.shape[1])
    precondition(
      prototypes == center.count, "TeacherTargets: logits \(logits.shape), \(center.count) prototypes")
    let targets =
      centering == .sinkhorn
      ? SinkhornKnopp()(logits, temperature: temperature) : Tensor(uninitialized: logits.shape)
    let (center, centering) = (center, centering)
    let entropies = UnsafeMutablePointer<Double>.allocate(capacity: rows)
    defer { entropies.deallocate() }
    let favourites = UnsafeMutablePointer<Int>.allocate(capacity: rows)
    defer { favourites.deallocate() }
    let before = isInsideBatch ? choices : nil
    let sum = before?.sum ?? Tensor(uninitialized: center.shape)
    let blocks = Blocks(prototypes, about: 4096)
    profiled("teacher targets", Work(numbers: 3 * logits.count)) {
      ThreadPool.shared.forEach(rows) { row in
        let target = targets.pointer + row * prototypes
        if centering != .sinkhorn {
          em_softmax(
            logits.pointer + row * prototypes, centering == .ema ? center.pointer : nil, temperature,
            prototypes, target)
        }
        entropies[row] = em_entropy(target, prototypes)
        favourites[row] = em_greatest_place(target, prototypes)
      }
      ThreadPool.shared.forEach(blocks.count) { index in
        let part = blocks[index]
        em_column_sums(
          targets.pointer + part.lowerBound, rows, part.count, prototypes, sum.pointer + part.lowerBound,
          before == nil ? 0 : 1)
      }
    }
    choices = (sum, (before?.favourites ?? []) + (0..<rows).map { favourites[$0] })
    withExtendedLifetime((logits, center)) {}
    if !isInsideBatch { entropy = (0, 0) }
    entropy = ((0..<rows).reduce(entropy.sum) { $0 + entropies[$1] }, entropy.rows + rows)
    return targets
  }

  /// Adds raw logits of a batch, or of a part of one, [N, K], to what the center moves by; further targets
  /// are of the same batch until `moveCenter`.
  public mutating func note(_ logits: Tensor) {
    isInsideBatch = true
    if centering != .ema { return }
    let (rows, prototypes) = (logits.shape[0], logits.shape[1])
    precondition(
      prototypes == center.count, "TeacherTargets: logits \(logits.shape), \(center.count) prototypes")
    let isFirst = noted == nil
    let sum = noted?.sum ?? Tensor(uninitialized: center.shape)
    let blocks = Blocks(prototypes, about: 4096)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      em_column_sums(
        logits.pointer + part.lowerBound, rows, part.count, prototypes, sum.pointer + part.lowerBound,
        isFirst ? 0 : 1)
    }
    withExtendedLifetime(logits) {}
    noted = (sum, (noted?.rows ?? 0) + rows)
  }

  /// DINO's eq. 4: c ← m c + (1 − m) · mean of the logits noted since the last move.
  public mutating func moveCenter() {
    isInsideBatch = false
    guard let (sum, rows) = noted else { return }
    noted = nil
    if rows == 0 { return }
    let (old, momentum) = (center, centerMomentum)
    let blocks = Blocks(sum.count, about: 4096)
    ThreadPool.shared.forEach(blocks.count) { index in
      let part = blocks[index]
      let to = sum.pointer + part.lowerBound
      em_scale(to, (1 - momentum) / Float(rows), part.count)
      em_add(to, old.pointer + part.lowerBound, momentum, part.count)
    }
    withExtendedLifetime(old) {}
    center = sum
  }
}
