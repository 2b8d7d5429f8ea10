import EmanateAutograd
import EmanateKernels
import EmanateTensors

/// The weighted vote of the nearest training features, as DINO evaluates (Caron et al. 2021,
/// arXiv:2104.14294, section 4.1; eval_knn.py, `knn_classifier`).
///
/// Features are L2-normalised and compared by cosine similarity. Each of the `k` nearest votes for its class
/// with weight exp(similarity / temperature). Equal similarities are ordered by training row, equal votes by
/// class. As in eval_knn.py every class takes part in the order, those without a vote last, and `top5` looks
/// at min(5, k) classes.
public struct KNearestNeighbors: Sendable {
  /// The number of neighbours that vote.
  public let k: Int
  /// τ: the lower, the more the nearest neighbour counts.
  public let temperature: Double
  private let rows: Tensor
  private let labels: [Int]
  private let classes: Int

  /// Training features [N, D] with a label in 0..<classes each; `k` is at most N.
  public init(features: Tensor, labels: [Int], classes: Int, k: Int = 20, temperature: Double = 0.07) {
    precondition(
      features.shape.rank == 2 && features.shape[0] == labels.count,
      "KNearestNeighbors: \(labels.count) labels for features \(features.shape)")
    precondition(
      k >= 1 && k <= labels.count, "KNearestNeighbors: k is \(k) for \(labels.count) training rows")
    precondition(temperature > 0, "KNearestNeighbors: a temperature of \(temperature)")
    precondition(
      labels.allSatisfy { (0..<classes).contains($0) }, "KNearestNeighbors: a label outside 0..<\(classes)")
    (self.k, self.temperature, self.labels, self.classes) = (k, temperature, labels, classes)
    rows = normalized(Variable(features)).value
  }

  /// The nearest training rows of each query and their cosine similarities, nearest first.
  ///
  /// queries: [M, D] -> M lists of k rows, and [M, k] similarities.
  public func neighbors(of queries: Tensor) -> (rows: [[Int]], similarities: Tensor) {
    precondition(
      queries.shape.rank == 2 && queries.shape[1] == rows.shape[1],
      "KNearestNeighbors: queries \(queries.shape) for training features \(rows.shape)")
    let count = queries.shape[0]
    var places = [Int32](repeating: -1, count: count * k)
    var similarities = Tensor(uninitialized: [count, k])
    let directions = normalized(Variable(queries)).value
    directions.withElements { directions in
      rows.withElements { rows in
        places.withUnsafeMutableBufferPointer { places in
          similarities.withMutableElements { similarities in
            guard let query = directions.baseAddress, let row = rows.baseAddress, count > 0 else { return }
            nearestRows(
              queries: query, queryCount: count, rows: row, rowCount: labels.count,
              width: self.rows.shape[1], k: k, places: places.baseAddress!,
              products: similarities.baseAddress!)
          }
        }
      }
    }
    let lists = (0..<count).map { query in places[query * k..<(query + 1) * k].map(Int.init) }
    return (lists, similarities)
  }

  /// The weight of each class's votes for each query, relative to a vote of the nearest neighbour: [M,
  /// classes].
  public func votes(for queries: Tensor) -> [[Double]] {
    let (lists, similarities) = neighbors(of: queries)
    return similarities.withElements { similarities in
      lists.enumerated().map { query, list in
        var votes = [Double](repeating: 0, count: classes)
        let nearest = Double(similarities[query * k])
        for (place, row) in list.enumerated() {
          votes[labels[row]] += exponential((Double(similarities[query * k + place]) - nearest) / temperature)
        }
        return votes
      }
    }
  }

  /// How often the vote finds the labels of `features`, [M, D].
  public func accuracy(features: Tensor, labels: [Int]) -> Accuracy {
    precondition(
      features.shape[0] == labels.count,
      "KNearestNeighbors.accuracy: \(labels.count) labels for features \(features.shape)")
    let ranks = zip(votes(for: features), labels).map { rank(of: $1, in: $0) }
    return Accuracy(ranks: ranks, wide: min(5, k))
  }
}
