import CEmanateKernels
import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// Spreads features evenly: −mean ln of the distance to the nearest neighbour in the batch (the estimator of
/// entropy by Kozachenko and Leonenko 1987, in Sablayrolles et al. 2019, arXiv:1806.03198, section 3.2, and
/// in DINOv2, Oquab et al. 2023, arXiv:2304.07193, section 4).
///
/// Of features brought to length 1. The gradient reaches a row and its neighbour; which row is the neighbour
/// is a constant. Two equal rows are √D · 1e-8 apart, because PyTorch's `PairwiseDistance` adds 1e-8 to every
/// difference: their pull is very large and finite.
public struct KoLeoLoss: Sendable {
  /// Cuts norms, is added to differences and to distances: DINOv2's three epsilons.
  private let epsilon: Float = 1e-8

  /// The loss has no settings; DINOv2 gives it the weight 0.1.
  public init() {}

  /// features: [G·B, D], crop by crop -> [1]: the sum over the G crops of each one's loss, as DINOv2 takes it
  /// of the student's class tokens of both global crops; views of one image are not driven apart. B is at
  /// least 2.
  public func callAsFunction(_ features: Variable, crops: Int) -> Variable {
    let (rows, width) = (features.shape[0], features.shape[1])
    precondition(
      crops > 0 && rows % crops == 0 && rows / crops >= 2,
      "KoLeoLoss: features \(features.shape) are not \(crops) crops of two or more images")
    let (batch, x, epsilon) = (rows / crops, features.value, epsilon)
    let (directions, norms) = (Tensor(uninitialized: x.shape), Tensor(uninitialized: [rows]))
    ThreadPool.shared.forEach(rows) { row in
      em_l2_normalize(
        x.pointer + row * width, 1, width, epsilon, directions.pointer + row * width, norms.pointer + row)
    }
    let neighbors = nearestOthers(directions, crops: crops)

    let isTracked = features.isTracked
    let gradient = Tensor(repeating: 0, isTracked ? x.shape : [1])
    let losses = UnsafeMutablePointer<Double>.allocate(capacity: crops)
    defer { losses.deallocate() }
    profiled("KoLeo loss", Work(numbers: 4 * x.count)) {
      // A crop's rows one after the other: several rows may pull at one neighbour.
      ThreadPool.shared.forEach(crops) { crop in
        losses[crop] = 0
        for row in crop * batch..<(crop + 1) * batch {
          let (a, b) = (directions.pointer + row * width, directions.pointer + neighbors[row] * width)
          let distance = em_distance(a, b, epsilon, width)
          losses[crop] -= logarithm(Double(distance) + Double(epsilon)) / Double(batch)
          // At distance 0 the norm has no slope; PyTorch takes 0.
          if isTracked && distance != 0 {
            em_distance_backward(
              a, b, epsilon, -1 / (Float(batch) * distance * (distance + epsilon)), width,
              gradient.pointer + row * width, gradient.pointer + neighbors[row] * width)
          }
        }
      }
      if isTracked {
        ThreadPool.shared.forEach(rows) { row in
          let at = gradient.pointer + row * width
          em_l2_normalize_backward(
            at, directions.pointer + row * width, norms.pointer + row, epsilon, 1, width, at)
        }
      }
    }
    withExtendedLifetime((x, directions, norms)) {}
    let total = (0..<crops).reduce(0.0) { $0 + losses[$1] }
    return record(Tensor([Float(total)], [1]), [features], KnownGradientBackward(gradient: gradient))
  }

  /// For each row the other row of its crop with the greatest product, the lower one of equals.
  private func nearestOthers(_ directions: Tensor, crops: Int) -> [Int] {
    let (rows, width) = (directions.shape[0], directions.shape[1])
    let batch = rows / crops
    // The row itself is usually first; where copies of it come before, the first is one of them.
    let places = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * batch)
    let products = UnsafeMutablePointer<Float>.allocate(capacity: 2 * batch)
    defer {
      places.deallocate()
      products.deallocate()
    }
    var neighbors: [Int] = []
    for crop in 0..<crops {
      let base = directions.pointer + crop * batch * width
      nearestRows(
        queries: base, queryCount: batch, rows: base, rowCount: batch, width: width, k: 2, places: places,
        products: products)
      for row in 0..<batch {
        let other = (0..<2).map { Int(places[2 * row + $0]) }.first { $0 >= 0 && $0 != row }
        // Of rows that are not numbers there is no nearest; any keeps the loss not a number, which stops the run.
        neighbors.append(crop * batch + (other ?? (row + 1) % batch))
      }
    }
    return withExtendedLifetime(directions) { neighbors }
  }
}
