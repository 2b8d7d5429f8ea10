import EmanateData
import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import Foundation
import TestSupport
import Testing

@Suite struct KNearestNeighborsTests {
  /// DINO's vote in double precision: every class's votes for one query.
  private func oracle(
    _ query: [Float], _ train: Tensor, _ labels: [Int], classes: Int, k: Int, temperature: Double
  ) -> [Double] {
    func unit(_ row: [Float]) -> [Double] {
      let norm = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      return row.map { Double($0) / norm }
    }
    let q = unit(query)
    let similarities = labels.indices.map { row in
      zip(q, unit(train[rows: row..<row + 1].array)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let nearest = labels.indices.sorted { similarities[$0] > similarities[$1] }.prefix(k)
    var votes = [Double](repeating: 0, count: classes)
    for row in nearest { votes[labels[row]] += exp(similarities[row] / temperature) }
    return votes
  }

  @Test("Votes equal DINO's in double precision", arguments: [(1, 0.07), (5, 0.07), (20, 0.5)])
  func votes(k: Int, temperature: Double) {
    let labels = (0..<1300).map { $0 % 7 }
    let (train, test) = (cloud(1300, 24, seed: 1), cloud(40, 24, seed: 2))
    let knn = KNearestNeighbors(features: train, labels: labels, classes: 7, k: k, temperature: temperature)
    let votes = knn.votes(for: test)
    for row in 0..<40 {
      let expected = oracle(
        test[rows: row..<row + 1].array, train, labels, classes: 7, k: k, temperature: temperature)
      let (sum, expectedSum) = (votes[row].reduce(0, +), expected.reduce(0, +))
      for (vote, wanted) in zip(votes[row], expected) {
        #expect(abs(vote / sum - wanted / expectedSum) < 1e-5)
      }
    }
  }

  @Test("Equal similarities go to the lower row, equal votes to the lower class")
  func ties() {
    let train = Tensor([0, 1, 1, 0, 1, 0, 1, 0, 0, 1], [5, 2])
    let knn = KNearestNeighbors(features: train, labels: [0, 2, 1, 2, 0], classes: 3, k: 2)
    let query = Tensor([2, 0], [1, 2])
    #expect(knn.neighbors(of: query).rows == [[1, 2]])
    #expect(knn.votes(for: query) == [[0, 1, 1]])
    #expect(knn.accuracy(features: query, labels: [1]).top1 == 100)
    #expect(knn.accuracy(features: query, labels: [2]).top1 == 0)
    // k is 2, so the first two classes count.
    #expect(knn.accuracy(features: query, labels: [2]).top5 == 100)
    #expect(knn.accuracy(features: query, labels: [0]).top5 == 0)
  }

  @Test("A row of zeros has similarity 0 and no NaN comes of it")
  func zeros() {
    let knn = KNearestNeighbors(features: Tensor(repeating: 0, [3, 4]), labels: [0, 1, 1], classes: 2, k: 3)
    #expect(knn.votes(for: cloud(1, 4, seed: 3)) == [[1, 2]])
  }

  @Test("Neighbours are the same for 1, 2 and 3 threads")
  func threads() {
    let knn = KNearestNeighbors(
      features: cloud(2100, 48, seed: 4), labels: [Int](repeating: 0, count: 2100), classes: 1)
    let runs = [1, 2, 3].map { threads in
      let found = withThreads(threads) { knn.neighbors(of: cloud(300, 48, seed: 5)) }
      return (found.rows, found.similarities.array)
    }
    #expect(runs[0] == runs[1] && runs[0] == runs[2])
  }

  @Test(
    "Raw pixels of Fashion-MNIST give the 80.5 % that NumPy finds, 10,000 training and 5,000 test images",
    .enabled(if: FileManager.default.fileExists(atPath: FashionMNIST.defaultSource)))
  func fashion() throws {
    let data = try FashionMNIST()
    func part(_ part: FashionMNIST.Part, _ count: Int) -> (Tensor, [Int]) {
      (
        Tensor(part.images.bytes.prefix(count * 784).map(Float.init), [count, 784]),
        part.labels.prefix(count).map(Int.init)
      )
    }
    let ((train, labels), (test, testLabels)) = (part(data.train, 10_000), part(data.test, 5_000))
    let knn = KNearestNeighbors(features: train, labels: labels, classes: 10)
    #expect(abs(knn.accuracy(features: test, labels: testLabels).top1 - 80.5) < 0.1)
  }
}
