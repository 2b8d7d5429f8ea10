import EmanateKernels
import EmanateTensors

/// The nearest image that is misread, by L2 distance (Carlini and Wagner 2017, arXiv:1608.04644, section V.A).
///
/// ‖x' − x‖² + c · max(own logit − greatest other, −κ) is brought down by Adam over w, x' = (tanh w + 1) / 2, so that levels
/// stay within 0...1 by themselves; c is searched for each image, ten times greater until the image is misread, then by
/// halves. Loss and gradient are those of logits: a saturated softmax hides nothing.
public struct CarliniWagner: Attack {
  /// By how much another logit must exceed the own one, κ.
  public let confidence: Double
  /// Values of c tried, and Adam's steps for each.
  public let searchSteps, iterations: Int
  /// Adam's learning rate, and the first c.
  public let learningRate, firstConstant: Double

  /// The attack with the search of `options`.
  public init(_ options: AttackOptions = AttackOptions()) {
    precondition(
      options.confidence >= 0 && options.searchSteps > 0 && options.iterations > 0 && options.learningRate > 0
        && options.firstConstant > 0, "CarliniWagner: \(options)")
    (confidence, searchSteps, iterations) = (options.confidence, options.searchSteps, options.iterations)
    (learningRate, firstConstant) = (options.learningRate, options.firstConstant)
  }

  /// The nearest misread image that was found for each; the image itself where none was, or where it is misread as it is.
  public func callAsFunction(
    _ images: Tensor, labels: [Int], samples: [Int], on network: any AttackedNetwork
  ) -> Tensor {
    let margins = AttackLoss.margins(network.logits(images), labels)
    var nearest = images.copied()
    let rows = labels.indices.filter { margins[$0] <= 0 }
    if rows.isEmpty { return nearest }
    var search = Search(rows.count, first: firstConstant)
    let (own, known) = (images.gathering(rows), rows.map { labels[$0] })
    for _ in 0..<searchSteps {
      var descent = Descent(own, known, constants: search.constants, self)
      descent.run(on: network) { place, distance, image in
        search.found(place, distance) { nearest.replace(row: rows[place], by: image) }
      }
      search.narrow()
    }
    return nearest
  }
}

/// For each image where c is searched, and the least distance so far.
private struct Search {
  private(set) var constants: [Double]
  private var low, high: [Double]
  private var least: [Double]
  private var succeeded: [Bool]

  init(_ count: Int, first: Double) {
    constants = Array(repeating: first, count: count)
    low = Array(repeating: 0, count: count)
    (high, least) = (Array(repeating: .infinity, count: count), Array(repeating: .infinity, count: count))
    succeeded = Array(repeating: false, count: count)
  }

  /// Under this c the image was misread at a squared distance; `keep` if it is the least.
  mutating func found(_ place: Int, _ distance: Double, keep: () -> Void) {
    succeeded[place] = true
    if distance < least[place] {
      least[place] = distance
      keep()
    }
  }

  /// The next c of every image: a smaller one where it was misread.
  mutating func narrow() {
    for place in constants.indices {
      if succeeded[place] {
        high[place] = min(high[place], constants[place])
      } else {
        low[place] = max(low[place], constants[place])
      }
      constants[place] = high[place].isFinite ? (low[place] + high[place]) / 2 : constants[place] * 10
      succeeded[place] = false
    }
  }
}

/// Adam over w for one c an image.
private struct Descent {
  private let images: Tensor
  private let labels: [Int]
  private let constants: [Double]
  private let attack: CarliniWagner
  private let width: Int
  private var w, first, second: Tensor

  init(_ images: Tensor, _ labels: [Int], constants: [Double], _ attack: CarliniWagner) {
    (self.images, self.labels, self.constants, self.attack) = (images, labels, constants, attack)
    width = images.shape[1]
    w = Tensor(
      images.array.map { level in
        let u = Double(2 * level - 1) * Self.shrink
        return Float(logarithm((1 + u) / (1 - u)) / 2)
      }, images.shape)
    (first, second) = (Tensor(repeating: 0, images.shape), Tensor(repeating: 0, images.shape))
  }

  /// Keeps w finite and black levels moving: at the authors' 0.999999 w begins at -7.3 and takes 450 steps of 0.01 to a
  /// level of 1 of 255; at 0.999 it begins 0.0005 above black, at -3.8 (our choice).
  private static let shrink = 0.999

  /// All steps; `found` is told every misread image with its squared distance.
  mutating func run(
    on network: any AttackedNetwork, _ found: (_ place: Int, _ distance: Double, _ image: Tensor) -> Void
  ) {
    var active = Array(labels.indices)
    var least = [Double](repeating: .infinity, count: labels.count)
    var leastStep = [Int](repeating: 0, count: labels.count)
    let patience = max(10, attack.iterations / 5)
    for step in 0...attack.iterations where !active.isEmpty {
      let points = self.points(active)
      let known = active.map { labels[$0] }
      let confidence = Float(attack.confidence)
      let (logits, gradient) = network.gradient(points) { logits in
        // −∂margin where the margin is short of κ; the distance alone where it is not.
        let margins = AttackLoss.margins(logits, known, slack: AttackLoss.rounding)
        var slopes = AttackLoss.margin.slopes(logits, known)
        let classes = logits.shape[1]
        slopes.withMutableElements { slopes in
          for (row, margin) in margins.enumerated() {
            for place in row * classes..<(row + 1) * classes {
              slopes[place] = margin < confidence ? -slopes[place] : 0
            }
          }
        }
        return slopes
      }
      let margins = AttackLoss.margins(logits, known, slack: AttackLoss.rounding)
      let distances = distances(points, active)
      for (place, row) in active.enumerated() where margins[place] > 0 && margins[place] >= confidence {
        found(row, distances[place], points[rows: place..<place + 1])
      }
      if step == attack.iterations { break }
      descend(points, gradient, active, step: step + 1)
      // An image whose objective found no new low for a while is done with this c; the authors look every tenth.
      active = active.enumerated().compactMap { place, row in
        let shortfall = max(-Double(margins[place]), -attack.confidence)
        let objective = distances[place] + constants[row] * shortfall
        if objective < least[row] - 1e-4 * abs(least[row]) || step == 0 {
          (least[row], leastStep[row]) = (objective, step)
        }
        return step - leastStep[row] > patience ? nil : row
      }
    }
  }

  /// (tanh w + 1) / 2 of some images: 1 / (1 + exp −2w).
  private func points(_ rows: [Int]) -> Tensor {
    let result = Tensor(uninitialized: [rows.count, width])
    let (from, to, width) = (w.pointer, result.pointer, width)
    ThreadPool.shared.forEach(rows.count) { place in
      for column in 0..<width {
        to[place * width + column] = Float(
          1 / (1 + exponential(-2 * Double(from[rows[place] * width + column]))))
      }
    }
    withExtendedLifetime(w) {}
    return result
  }

  /// ‖x' − x‖² of some images.
  private func distances(_ points: Tensor, _ rows: [Int]) -> [Double] {
    images.withElements { images in
      points.withElements { points in
        rows.enumerated().map { place, row in
          (0..<width).reduce(0.0) { sum, column in
            let offset = Double(points[place * width + column]) - Double(images[row * width + column])
            return sum + offset * offset
          }
        }
      }
    }
  }

  /// One step of Adam (Kingma and Ba 2015, arXiv:1412.6980) for some images. The rate falls to 0 along a line, so that a
  /// hundred steps do the work of the authors' thousands (our choice).
  private mutating func descend(_ points: Tensor, _ gradient: Tensor, _ rows: [Int], step: Int) {
    let (x, g, image, width) = (points.pointer, gradient.pointer, images.pointer, width)
    let (w, first, second) = (w.pointer, first.pointer, second.pointer)
    let (beta1, beta2) = (Float(0.9), Float(0.999))
    let correction1 = 1 - exponential(Double(step) * logarithm(0.9))
    let correction2 = 1 - exponential(Double(step) * logarithm(0.999))
    let left = 1 - Double(step - 1) / Double(attack.iterations)
    let rate = Float(attack.learningRate * left / correction1)
    let scale = Float(1 / correction2.squareRoot())
    ThreadPool.shared.forEach(rows.count) { place in
      let constant = Float(constants[rows[place]])
      for column in 0..<width {
        let (from, to) = (place * width + column, rows[place] * width + column)
        // ∂x'/∂w = (1 − tanh² w) / 2 = 2 x' (1 − x').
        let slope = (2 * (x[from] - image[to]) + constant * g[from]) * 2 * x[from] * (1 - x[from])
        first[to] = beta1 * first[to] + (1 - beta1) * slope
        second[to] = beta2 * second[to] + (1 - beta2) * slope * slope
        w[to] -= rate * first[to] / (second[to].squareRoot() * scale + 1e-8)
      }
    }
    withExtendedLifetime((points, gradient, images, self.w, self.first, self.second)) {}
  }
}

extension Tensor {
  /// Puts one row of numbers in the place of row `row`.
  fileprivate mutating func replace(row: Int, by numbers: Tensor) {
    let width = shape[1]
    withMutableElements { to in
      numbers.withElements { from in
        let target = UnsafeMutableBufferPointer(rebasing: to[row * width..<(row + 1) * width])
        _ = target.update(fromContentsOf: from)
      }
    }
  }
}
