import Foundation

/// How long the teacher remembers: after one half-life, half of what it was has been replaced by newer
/// students.
public struct EMAHalfLife: Hashable, Sendable {
  /// The half-life in training steps: ln(1/2) / ln τ; infinite for τ = 1, and 0 for τ = 0.
  public let steps: Double
  /// The half-life in passes over the data.
  public let epochs: Double
  /// The half-life in images seen.
  public let images: Double

  /// The half-life of an average with momentum τ, teacher ← τ · teacher + (1 − τ) · student.
  public init(momentum: Double, stepsPerEpoch: Int, batchSize: Int) {
    steps = Self.steps(momentum: momentum)
    epochs = steps / Double(stepsPerEpoch)
    images = steps * Double(batchSize)
  }

  /// The half-life in steps of a constant momentum τ in 0...1: ln(1/2) / ln τ.
  public static func steps(momentum: Double) -> Double {
    precondition(momentum >= 0 && momentum <= 1, "EMAHalfLife: momentum \(momentum) is not within 0...1")
    if momentum == 1 { return .infinity }
    return momentum == 0 ? 0 : log(0.5) / log(momentum)
  }

  /// The mean age, in steps, of the students in a teacher of constant momentum τ: τ / (1 − τ).
  ///
  /// The newest student has age 0. Infinite for τ = 1.
  public static func meanAge(momentum: Double) -> Double {
    precondition(momentum >= 0 && momentum <= 1, "EMAHalfLife: momentum \(momentum) is not within 0...1")
    return momentum / (1 - momentum)
  }

  /// The momentum whose half-life is so many images: 0.5^(batch / images).
  public static func momentum(halfLifeImages images: Double, batchSize: Int) -> Double {
    precondition(images > 0, "EMAHalfLife: a half-life of \(images) images")
    return pow(0.5, Double(batchSize) / images)
  }

  /// The momentum whose half-life is `factor` times that of another: τ^(1 / factor).
  public static func momentum(_ momentum: Double, halfLifeTimes factor: Double) -> Double {
    precondition(factor > 0, "EMAHalfLife: a half-life of \(factor) times another")
    return pow(momentum, 1 / factor)
  }

  /// The momentum that keeps the half-life in images when the batch changes: τ^(B′ / B).
  public static func momentum(_ momentum: Double, ofBatch old: Int, forBatch new: Int) -> Double {
    pow(momentum, Double(new) / Double(old))
  }
}

extension Schedule {
  /// The share that the student of `age` steps ago has in the teacher after `step`, for a momentum schedule
  /// τ.
  ///
  /// (1 − τ[t−k]) · Π τ[t−j], j in 0..<k, with t the step and k the age. A student of age 0 is the one just
  /// averaged in. 0 where the run was not yet that old.
  public func studentWeight(age: Int, at step: Int) -> Double {
    precondition(age >= 0, "Schedule.studentWeight: age \(age)")
    if age > step { return 0 }
    var weight = 1 - self(step - age)
    for younger in 0..<age { weight *= self(step - younger) }
    return weight
  }

  /// The mean age, in steps, of the students in the teacher after each of `steps`, for a momentum schedule: how old the
  /// teacher is. `steps` rise.
  ///
  /// a ← τ (a + 1): each update ages what there is by a step and adds a student of age 0. The initial weights count as a
  /// student of the step before the first. Past four million steps neighbouring ones share a momentum.
  public func meanAges(at steps: [Int]) -> [Double] {
    let stride = max(1, (steps.last ?? 0) / 4_000_000)
    var (age, step) = (0.0, 0)
    return steps.map { wanted in
      while step <= wanted {
        let count = min(stride, wanted - step + 1)
        let momentum = self(step)
        if count == 1 {
          age = momentum * (age + 1)
        } else if momentum == 1 {
          age += Double(count)
        } else {
          let limit = momentum / (1 - momentum)
          age = limit + pow(momentum, Double(count)) * (age - limit)
        }
        step += count
      }
      return age
    }
  }

  /// The share that the initial weights still have in the teacher after `step`, for a momentum schedule: Π τ.
  public func initialWeight(at step: Int) -> Double {
    var weight = 1.0
    for earlier in 0...step { weight *= self(earlier) }
    return weight
  }
}
