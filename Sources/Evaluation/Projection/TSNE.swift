import EmanateKernels
import EmanateTensors

/// A map of rows in the plane that keeps neighbours together: t-SNE (van der Maaten and Hinton 2008, Journal of Machine
/// Learning Research 9, 2579), all pairs of rows, without Barnes and Hut's approximation.
///
/// What lies together was together in many dimensions; how far groups lie apart, and how large they are, says little.
public struct TSNE: Sendable {
  /// How the map is sought.
  public struct Options: Sendable, Equatable {
    /// Steps of gradient descent.
    public var steps = 1000
    /// For so many steps affinities count `exaggeration` times, so that groups form before they part (section 3.4; 12 for
    /// 250 steps as in van der Maaten 2014, where 2008 had 4 for 50).
    public var exaggeratedSteps = 250
    /// By how much.
    public var exaggeration = 12.0
    /// Momentum while affinities are exaggerated, and then (section 3.4).
    public var firstMomentum = 0.5, momentum = 0.8
    /// The gradient's factor; nil for max(N / exaggeration / 4, 50) (Belkina et al. 2019).
    public var learningRate: Double?

    /// The published ones.
    public init() {}
  }

  /// A map: a place for each row.
  public struct Map: Sendable, Equatable {
    /// Where each row lies.
    public internal(set) var x, y: [Double]

    /// Places, as many of one as of the other.
    public init(x: [Double], y: [Double]) {
      precondition(x.count == y.count, "TSNE.Map: \(x.count) and \(y.count) numbers")
      (self.x, self.y) = (x, y)
    }
  }

  /// The number of rows.
  public let count: Int
  /// e to the entropy of a row's neighbours.
  public let perplexity: Double
  /// p of each pair, [N, stride], symmetric; all together 1, none with itself.
  package let affinities: [Double]
  /// `count` up to a multiple of 4.
  package let stride: Int

  /// The greatest perplexity that so many rows allow: a third of the others.
  public static func greatestPerplexity(rows: Int) -> Double { Double(rows - 1) / 3 }

  /// The affinities of rows [N, D] by squared Euclidean distances (equations 1 and 2, and section 3.1): each row's Gaussian
  /// is as wide as its perplexity asks for. The perplexity is at least 1 and at most `greatestPerplexity`.
  public init(of rows: Tensor, perplexity: Double) {
    precondition(rows.shape.rank == 2 && rows.shape[0] >= 4, "TSNE: rows of shape \(rows.shape)")
    let count = rows.shape[0]
    precondition(
      perplexity >= 1 && perplexity <= Self.greatestPerplexity(rows: count),
      "TSNE: a perplexity of \(perplexity) for \(count) rows")
    let stride = (count + 3) / 4 * 4
    var affinities = Self.squaredDistances(rows, stride: stride)
    affinities.withUnsafeMutableBufferPointer { affinities in
      let base = affinities.baseAddress!
      ThreadPool.shared.forEach(count) { row in
        Self.neighbors(base + row * stride, count, row, entropy: logarithm(perplexity))
      }
      for i in 0..<count {
        for j in 0..<i {
          let both = (affinities[i * stride + j] + affinities[j * stride + i]) / Double(2 * count)
          (affinities[i * stride + j], affinities[j * stride + i]) = (both, both)
        }
      }
    }
    (self.count, self.perplexity, self.affinities, self.stride) = (count, perplexity, affinities, stride)
  }

  /// The map that `options` lead to from `start`; `progress` is told the number of steps done. The same for every number of
  /// threads.
  public func callAsFunction(
    from start: Map, _ options: Options = Options(), progress: (Int) -> Void = { _ in }
  ) -> Map {
    precondition(start.x.count == count, "TSNE: \(start.x.count) places for \(count) rows")
    let rate = options.learningRate ?? max(Double(count) / options.exaggeration / 4, 50)
    var map = start
    var (speed, gains) = (
      Map(x: [Double](repeating: 0, count: count), y: [Double](repeating: 0, count: count)),
      Map(x: [Double](repeating: 1, count: count), y: [Double](repeating: 1, count: count))
    )
    for step in 0..<options.steps {
      let isExaggerated = step < options.exaggeratedSteps
      let slope = gradient(at: map, exaggeration: isExaggerated ? options.exaggeration : 1)
      let momentum = isExaggerated ? options.firstMomentum : options.momentum
      Self.move(&map.x, &speed.x, &gains.x, slope.x, rate, momentum)
      Self.move(&map.y, &speed.y, &gains.y, slope.y, rate, momentum)
      progress(step + 1)
    }
    return map
  }

  /// Where a map begins: along the rows' first two principal components, so small that the first steps see no distances
  /// (Kobak and Berens 2019), and a tenth of that at random under `seed`, so that equal rows can part.
  public static func start(of rows: Tensor, seed: UInt64) -> Map {
    let places = PrincipalComponents(of: rows, count: min(2, rows.shape[1]))(rows)
    let along = places.map { $0[0] }
    let deviation = (along.reduce(0) { $0 + $1 * $1 } / Double(along.count)).squareRoot()
    let scale = deviation > 0 ? 1e-4 / deviation : 0
    var generator = KeyedGenerator(seed: seed, purpose: .pictures, 1)
    var map = Map(x: [], y: [])
    for place in places {
      map.x.append(place[0] * scale + 1e-5 * generator.normal())
      map.y.append((place.count > 1 ? place[1] * scale : 0) + 1e-5 * generator.normal())
    }
    return map
  }

  /// Jacobs's gains (1988; van der Maaten's code): a coordinate that keeps its direction speeds up. Then the mean is 0.
  private static func move(
    _ places: inout [Double], _ speed: inout [Double], _ gains: inout [Double], _ slope: [Double],
    _ rate: Double,
    _ momentum: Double
  ) {
    for place in places.indices {
      let turns = (slope[place] > 0) == (speed[place] > 0)
      gains[place] = turns ? max(gains[place] * 0.8, 0.01) : gains[place] + 0.2
      speed[place] = momentum * speed[place] - rate * gains[place] * slope[place]
      places[place] += speed[place]
    }
    let mean = places.reduce(0, +) / Double(places.count)
    for place in places.indices { places[place] -= mean }
  }

  // MARK: The divergence and its gradient

  /// Σ p ln(p / q) over all pairs: how much of the neighbourhoods the map loses (equation 2 of section 3).
  public func divergence(at map: Map) -> Double {
    let total = sums(at: map, exaggeration: 1).total
    var sum = 0.0
    for i in 0..<count {
      for j in 0..<i {
        let p = affinities[i * stride + j]
        let (dx, dy) = (map.x[i] - map.x[j], map.y[i] - map.y[j])
        if p > 0 { sum += 2 * p * logarithm(p * total * (1 + dx * dx + dy * dy)) }
      }
    }
    return sum
  }

  /// The gradient of the divergence by places (equation 5), where p counts `exaggeration` times.
  package func gradient(at map: Map, exaggeration: Double = 1) -> Map {
    let sums = sums(at: map, exaggeration: exaggeration)
    return Map(
      x: zip(sums.pull.x, sums.push.x).map { 4 * ($0 - $1 / sums.total) },
      y: zip(sums.pull.y, sums.push.y).map { 4 * ($0 - $1 / sums.total) })
  }

  /// Σ p w d and Σ w² d for each row, and Σ w over all pairs, where w = 1 / (1 + |d|²) and d leads from a row to another.
  private func sums(at map: Map, exaggeration: Double) -> (pull: Map, push: Map, total: Double) {
    // What fills the last four lies so far off that its weight is 0.
    let (x, y) = (filled(map.x), filled(map.y))
    var found = [Double](repeating: 0, count: 5 * count)
    let stride = stride
    x.withUnsafeBufferPointer { x in
      y.withUnsafeBufferPointer { y in
        affinities.withUnsafeBufferPointer { affinities in
          found.withUnsafeMutableBufferPointer { found in
            let slots = found.baseAddress!
            let blocks = Blocks(count, about: 32)
            ThreadPool.shared.forEach(blocks.count) { block in
              for row in blocks[block] {
                Self.addRow(
                  x.baseAddress!, y.baseAddress!, affinities.baseAddress! + row * stride, stride, row,
                  into: slots + 5 * row)
              }
            }
          }
        }
      }
    }
    func column(_ place: Int, times factor: Double = 1) -> [Double] {
      (0..<count).map { found[5 * $0 + place] * factor }
    }
    return (
      Map(x: column(0, times: exaggeration), y: column(1, times: exaggeration)),
      Map(x: column(2), y: column(3)),
      // A row's weight with itself is 1.
      max(column(4).reduce(0) { $0 + $1 - 1 }, 1e-300)
    )
  }

  private func filled(_ places: [Double]) -> [Double] {
    places + [Double](repeating: 1e100, count: stride - count)
  }

  /// Four columns at a time; only divisions, additions and products, so that no function is called.
  private static func addRow(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ p: UnsafePointer<Double>, _ stride: Int,
    _ row: Int,
    into sums: UnsafeMutablePointer<Double>
  ) {
    let (ownX, ownY) = (SIMD4(repeating: x[row]), SIMD4(repeating: y[row]))
    let one = SIMD4(repeating: 1.0)
    var (pullX, pullY, pushX, pushY, total) = (
      SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>()
    )
    for place in Swift.stride(from: 0, to: stride, by: 4) {
      let dx = ownX - UnsafeRawPointer(x + place).loadUnaligned(as: SIMD4<Double>.self)
      let dy = ownY - UnsafeRawPointer(y + place).loadUnaligned(as: SIMD4<Double>.self)
      let weight = one / (one + dx * dx + dy * dy)
      let pull = weight * UnsafeRawPointer(p + place).loadUnaligned(as: SIMD4<Double>.self)
      let push = weight * weight
      total += weight
      pullX += pull * dx
      pullY += pull * dy
      pushX += push * dx
      pushY += push * dy
    }
    (sums[0], sums[1], sums[2], sums[3]) = (pullX.sum(), pullY.sum(), pushX.sum(), pushY.sum())
    sums[4] = total.sum()
  }

  // MARK: Affinities

  /// |a - b|² of all pairs, [N, stride]; 0 where columns only fill the last four.
  private static func squaredDistances(_ rows: Tensor, stride: Int) -> [Double] {
    let (count, width) = (rows.shape[0], rows.shape[1])
    var distances = [Double](repeating: 0, count: count * stride)
    distances.withUnsafeMutableBufferPointer { distances in
      let slots = distances.baseAddress!
      rows.withElements { rows in
        let squares = (0..<count).map { row in
          (row * width..<(row + 1) * width).reduce(0.0) { $0 + Double(rows[$1]) * Double(rows[$1]) }
        }
        let blocks = Blocks(count, about: 96)
        ThreadPool.shared.forEach(blocks.count) { index in
          let block = blocks[index]
          let products = UnsafeMutablePointer<Float>.allocate(capacity: block.count * count)
          defer { products.deallocate() }
          blockProduct(
            Matrix(rows.baseAddress! + block.lowerBound * width, stride: width),
            Matrix(rows.baseAddress!, stride: width, transposed: true), rows: block.count, columns: count,
            depth: width, into: products, stride: count)
          for row in block {
            let line = products + (row - block.lowerBound) * count
            for column in 0..<count {
              slots[row * stride + column] =
                row == column ? 0 : max(0, squares[row] + squares[column] - 2 * Double(line[column]))
            }
          }
        }
      }
    }
    return distances
  }

  /// Makes a row's distances its neighbours' shares: exp(−β d), with the β whose entropy is the wanted one, by bisection.
  private static func neighbors(
    _ line: UnsafeMutablePointer<Double>, _ count: Int, _ own: Int, entropy wanted: Double
  ) {
    var nearest = Double.infinity
    var mean = 0.0
    for place in 0..<count where place != own {
      nearest = min(nearest, line[place])
      mean += line[place] / Double(count - 1)
    }
    var (low, high, beta) = (0.0, Double.infinity, 1 / max(mean - nearest, 1e-12))
    for _ in 0..<64 {
      var (sum, weighted) = (0.0, 0.0)
      for place in 0..<count where place != own {
        let distance = line[place] - nearest
        let share = exponential(-beta * distance)
        sum += share
        weighted += share * distance
      }
      let difference = logarithm(sum) + beta * weighted / sum - wanted
      if abs(difference) < 1e-6 { break }
      if difference > 0 { low = beta } else { high = beta }
      beta = high == .infinity ? 2 * beta : (low + high) / 2
    }
    var sum = 0.0
    for place in 0..<count {
      line[place] = place == own ? 0 : exponential(-beta * (line[place] - nearest))
      sum += line[place]
    }
    for place in 0..<count { line[place] /= sum }
  }
}
