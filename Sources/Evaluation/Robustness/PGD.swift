import EmanateKernels
import EmanateTensors

/// Projected gradient steps from random starts within a ball around each image (Madry et al. 2018, arXiv:1706.06083,
/// section 2.1).
///
/// Of all points that a start comes through the one with the greatest margin is kept, and of all starts likewise: whoever
/// is misread at any of them counts as misread.
public struct PGD: Attack {
  /// The ball's distance.
  public let norm: AttackNorm
  /// What is climbed.
  public let loss: AttackLoss
  /// The ball's radius and a step's length, in levels 0...1.
  public let epsilon, stepSize: Double
  /// Steps of a start, and starts.
  public let steps, restarts: Int
  /// Whether an image is done with as soon as it is misread; else every start goes to its end.
  public let stopsWhenMisread: Bool
  private let seed: UInt64

  /// An attack in the ball that `options` says for this distance.
  public init(_ norm: AttackNorm, _ loss: AttackLoss, _ options: AttackOptions, stopsWhenMisread: Bool = true)
  {
    let epsilon = norm == .linf ? options.epsilon : options.epsilonL2
    precondition(
      epsilon >= 0 && options.steps > 0 && options.restarts > 0,
      "PGD: epsilon \(epsilon), \(options.steps) steps, \(options.restarts) restarts")
    (self.norm, self.loss, self.epsilon) = (norm, loss, epsilon)
    (steps, restarts, seed) = (options.steps, options.restarts, options.seed)
    stepSize = options.stepSize ?? 2.5 * epsilon / Double(options.steps)
    self.stopsWhenMisread = stopsWhenMisread
  }

  /// The image of the greatest margin that was found for each.
  public func callAsFunction(
    _ images: Tensor, labels: [Int], samples: [Int], on network: any AttackedNetwork
  ) -> Tensor {
    var best = Kept(
      images, margins: AttackLoss.margins(network.logits(images), labels, slack: AttackLoss.rounding))
    for restart in 0..<restarts {
      var active = labels.indices.filter { !stopsWhenMisread || best.margins[$0] <= 0 }
      var origin = images.gathering(active)
      var point = starts(origin, active.map { samples[$0] }, restart)
      for step in 0...steps where !active.isEmpty {
        let known = active.map { labels[$0] }
        if step == steps {
          best.keep(
            point, active,
            margins: AttackLoss.margins(network.logits(point), known, slack: AttackLoss.rounding))
          break
        }
        let (logits, gradient) = network.gradient(point) { loss.slopes($0, known) }
        best.keep(point, active, margins: AttackLoss.margins(logits, known, slack: AttackLoss.rounding))
        point = moved(point, gradient, around: origin)
        if stopsWhenMisread {
          let places = active.indices.filter { best.margins[active[$0]] <= 0 }
          if places.count < active.count {
            (point, origin) = (point.gathering(places), origin.gathering(places))
            active = places.map { active[$0] }
          }
        }
      }
    }
    return best.images
  }

  /// A random point of the ball around each image, within 0...1.
  private func starts(_ images: Tensor, _ samples: [Int], _ restart: Int) -> Tensor {
    let width = images.shape[1]
    var points = images.copied()
    points.withMutableElements { points in
      for (row, sample) in samples.enumerated() {
        var generator = KeyedGenerator(seed: seed, purpose: .attacks, sample, restart)
        switch norm {
        case .linf:
          for place in row * width..<(row + 1) * width {
            points[place] = Self.level(points[place] + Float(generator.uniform(-epsilon, epsilon)))
          }
        case .l2:
          // A normal direction, the radius spread as in a ball of so many dimensions.
          let direction = (0..<width).map { _ in generator.normal() }
          let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
          let radius = epsilon * exponential(logarithm(1 - generator.uniform()) / Double(width))
          for place in 0..<width {
            points[row * width + place] = Self.level(
              points[row * width + place] + Float(radius / length * direction[place]))
          }
        }
      }
    }
    return points
  }

  /// A step up, back into the ball, then into 0...1: cutting at the borders only brings a point nearer to its image.
  private func moved(_ points: Tensor, _ gradient: Tensor, around images: Tensor) -> Tensor {
    let width = points.shape[1]
    let result = Tensor(uninitialized: points.shape)
    let (x, g, center, to) = (points.pointer, gradient.pointer, images.pointer, result.pointer)
    ThreadPool.shared.forEach(points.shape[0]) { row in
      let range = row * width..<(row + 1) * width
      switch norm {
      case .linf:
        let (step, radius) = (Float(stepSize), Float(epsilon))
        for place in range {
          let slope = g[place]
          let next = x[place] + (slope > 0 ? step : slope < 0 ? -step : 0)
          to[place] = Self.level(min(center[place] + radius, max(center[place] - radius, next)))
        }
      case .l2:
        // Gradients near float32's end are brought to about 1 before they are squared.
        let greatest = range.reduce(Float(0)) { max($0, abs(g[$1])) }
        let length = range.reduce(0.0) {
          $0 + square(Double(g[$1]) / Double(max(greatest, .leastNonzeroMagnitude)))
        }
        .squareRoot()
        let scale = greatest == 0 ? 0 : stepSize / (length * Double(greatest))
        var offsets = 0.0
        for place in range {
          let next = Double(x[place]) + scale * Double(g[place])
          to[place] = Float(next)
          offsets += square(next - Double(center[place]))
        }
        let shrink = min(1, epsilon / max(offsets.squareRoot(), .leastNormalMagnitude))
        for place in range {
          let offset = Double(to[place]) - Double(center[place])
          to[place] = Self.level(Float(Double(center[place]) + shrink * offset))
        }
      }
    }
    withExtendedLifetime((points, gradient, images)) {}
    return result
  }

  private static func level(_ x: Float) -> Float { min(1, max(0, x)) }
}

private func square(_ x: Double) -> Double { x * x }

/// The images of the greatest margins so far.
private struct Kept {
  var images: Tensor
  var margins: [Float]

  init(_ images: Tensor, margins: [Float]) {
    self.images = images.copied()
    self.margins = margins
  }

  /// Takes over those of `points` whose margin is greater; row `i` of them belongs to image `rows[i]`.
  mutating func keep(_ points: Tensor, _ rows: [Int], margins found: [Float]) {
    let width = images.shape[1]
    points.withElements { from in
      images.withMutableElements { to in
        for (place, row) in rows.enumerated() where found[place] > margins[row] {
          margins[row] = found[place]
          let target = UnsafeMutableBufferPointer(rebasing: to[row * width..<(row + 1) * width])
          _ = target.update(fromContentsOf: from[place * width..<(place + 1) * width])
        }
      }
    }
  }
}
