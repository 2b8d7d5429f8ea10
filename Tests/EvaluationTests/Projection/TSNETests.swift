import EmanateEvaluation
import EmanateKernels
import EmanateTensors
import TestSupport
import Testing

@Suite struct TSNETests {
  /// Three groups of `size` rows, far apart in ten dimensions.
  private func groups(_ size: Int) -> (rows: Tensor, labels: [Int]) {
    let labels = (0..<3 * size).map { $0 % 3 }
    return (cloud(3 * size, 10, seed: 5, labels: labels, spread: 0.3), labels)
  }

  private func places(_ count: Int, scale: Double) -> TSNE.Map {
    var generator = KeyedGenerator(seed: 8, purpose: .views)
    return TSNE.Map(
      x: (0..<count).map { _ in scale * generator.normal() },
      y: (0..<count).map { _ in scale * generator.normal() })
  }

  @Test
  func `affinities are symmetric, sum to 1, and a row's neighbours have the perplexity that is asked for`() {
    let (rows, _) = groups(14)
    let search = TSNE(of: rows, perplexity: 7)
    let p = search.affinities
    var total = 0.0
    for i in 0..<42 {
      #expect(p[i * search.stride + i] == 0)
      for j in 0..<42 {
        #expect(p[i * search.stride + j] == p[j * search.stride + i])
        total += p[i * search.stride + j]
      }
      for j in 42..<search.stride { #expect(p[i * search.stride + j] == 0) }
    }
    #expect(abs(total - 1) < 1e-9)
    // Rows at equal distances from one another: each has all others as neighbours, whatever the width.
    let even = Tensor((0..<25).map { $0 % 6 == 0 ? 1 : 0 }, [5, 5])
    let flat = TSNE(of: even, perplexity: 1.3)
    for i in 0..<5 { for j in 0..<5 where i != j { #expect(abs(flat.affinities[i * 8 + j] - 0.05) < 1e-9) } }
  }

  /// The conditional probabilities by the formulas, with a search of its own for the width.
  @Test func `affinities equal the definition's`() {
    let rows = hashFilled("rows", [13, 4])
    let (values, count, wanted) = (rows.array.map(Double.init), 13, 3.5)
    var conditional = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    for i in 0..<count {
      let distances = (0..<count).map { j -> Double in
        var sum = 0.0
        for column in 0..<4 {
          let difference = values[4 * i + column] - values[4 * j + column]
          sum += difference * difference
        }
        return sum
      }
      func shares(_ beta: Double) -> [Double] {
        let powers = (0..<count).map { j -> Double in i == j ? 0 : exponential(-beta * distances[j]) }
        let total = powers.reduce(0, +)
        return powers.map { $0 / total }
      }
      var (low, high) = (1e-3, 1e4)
      for _ in 0..<200 {
        let beta = (low * high).squareRoot()
        let entropy = shares(beta).reduce(0) { $0 - ($1 > 0 ? $1 * logarithm($1) : 0) }
        if entropy > logarithm(wanted) { low = beta } else { high = beta }
      }
      conditional[i] = shares(low)
    }
    let search = TSNE(of: rows, perplexity: wanted)
    for i in 0..<count {
      for j in 0..<count {
        let expected = (conditional[i][j] + conditional[j][i]) / Double(2 * count)
        #expect(abs(search.affinities[i * search.stride + j] - expected) < 1e-6)
      }
    }
  }

  @Test(arguments: [0.01, 1, 30]) func `the gradient is that of the divergence, by central differences`(
    scale: Double
  ) {
    let (rows, _) = groups(5)
    let search = TSNE(of: rows, perplexity: 4)
    let map = places(15, scale: scale)
    let slope = search.gradient(at: map)
    let step = 1e-5 * scale
    for place in [0, 3, 7, 14] {
      for axis in [\TSNE.Map.x, \TSNE.Map.y] {
        func moved(_ by: Double) -> TSNE.Map {
          var (x, y) = (map.x, map.y)
          if axis == \TSNE.Map.x { x[place] += by } else { y[place] += by }
          return TSNE.Map(x: x, y: y)
        }
        let expected = (search.divergence(at: moved(step)) - search.divergence(at: moved(-step))) / (2 * step)
        let own = slope[keyPath: axis][place]
        let room: Double = 1e-7 + 1e-5 * abs(expected)
        #expect(abs(own - expected) < room, "\(own) \(expected)")
      }
    }
    // Exaggeration multiplies what pulls.
    let far = search.gradient(at: map, exaggeration: 12)
    #expect(far.x != slope.x)
  }

  @Test func `the divergence is 0 where the map has the affinities themselves`() {
    // Four rows at equal distances; a square's sides and diagonals are not equal, so some is lost there.
    let even = Tensor((0..<16).map { $0 % 5 == 0 ? 1 : 0 }, [4, 4])
    let search = TSNE(of: even, perplexity: 1)
    let square = TSNE.Map(x: [0, 1, 0, 1], y: [0, 0, 1, 1])
    #expect(search.divergence(at: square) > 1e-3)
    let point = TSNE.Map(x: [0, 0, 0, 0], y: [0, 0, 0, 0])
    #expect(abs(search.divergence(at: point)) < 1e-12)
  }

  @Test func `groups that are apart stay apart, and the divergence falls`() {
    let (rows, labels) = groups(25)
    let search = TSNE(of: rows, perplexity: 10)
    let start = TSNE.start(of: rows, seed: 0)
    var options = TSNE.Options()
    (options.steps, options.exaggeratedSteps) = (300, 80)
    var done = 0
    let map = search(from: start, options) { done = $0 }
    #expect(done == 300)
    #expect(search.divergence(at: map) < search.divergence(at: start) / 2)
    // Every row's nearest on the map is of its group, and the groups' centers lie farther apart than a row from its own.
    for row in labels.indices {
      let nearest = labels.indices.filter { $0 != row }.min {
        distance(map, row, $0) < distance(map, row, $1)
      }!
      #expect(labels[nearest] == labels[row])
    }
    let centers = (0..<3).map { label -> (Double, Double) in
      let own = labels.indices.filter { labels[$0] == label }
      let (x, y) = (own.map { map.x[$0] }.reduce(0, +), own.map { map.y[$0] }.reduce(0, +))
      return (x / 25, y / 25)
    }
    for row in labels.indices {
      func away(_ label: Int) -> Double {
        let (dx, dy) = (map.x[row] - centers[label].0, map.y[row] - centers[label].1)
        return dx * dx + dy * dy
      }
      #expect((0..<3).allSatisfy { $0 == labels[row] || away(labels[row]) < away($0) })
    }
  }

  private func distance(_ map: TSNE.Map, _ a: Int, _ b: Int) -> Double {
    let (dx, dy) = (map.x[a] - map.x[b], map.y[a] - map.y[b])
    return dx * dx + dy * dy
  }

  @Test func `the map is the same for any number of threads, and another for another seed`() {
    let (rows, _) = groups(40)
    var options = TSNE.Options()
    (options.steps, options.exaggeratedSteps) = (30, 10)
    func map(threads: Int, seed: UInt64) -> TSNE.Map {
      withThreads(threads) {
        TSNE(of: rows, perplexity: 9)(from: TSNE.start(of: rows, seed: seed), options)
      }
    }
    let one = map(threads: 1, seed: 3)
    #expect(map(threads: 3, seed: 3) == one)
    #expect(map(threads: 1, seed: 4) != one)
  }

  @Test func `equal rows, all of them or many, give finite places`() {
    let many = Tensor((0..<48).map { $0 < 36 ? 1 : Float($0) }, [12, 4])
    for rows in [Tensor(repeating: 1, [12, 4]), many] {
      var options = TSNE.Options()
      options.steps = 300
      let map = TSNE(of: rows, perplexity: 2)(from: TSNE.start(of: rows, seed: 0), options)
      let isFinite = (map.x + map.y).allSatisfy { $0.isFinite }
      #expect(isFinite)
      #expect(Set(map.x).count == 12)
    }
  }
}
