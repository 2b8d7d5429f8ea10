import EmanateImages
import EmanateKernels

/// A random change of a view that keeps its size.
///
/// To add one: a file with a type that conforms, and a line in `AugmentationRegistry`. Recipes then know it
/// by its `name`, and the tests over the registry check it. A program of its own appends the type to
/// `TrainingRun.augmentations`, or hands a list to `Recipe` and `MultiCrop`.
public protocol Augmentation: Sendable {
  /// What recipes call it.
  static var name: String { get }
  /// The parameters a recipe may set, with the values they have if it does not. One is `probability`.
  static var defaults: [String: Double] { get }
  /// The augmentation with `parameters`, which hold every key of `defaults` and no other.
  ///
  /// - Throws: `InvalidParameter` where a value makes no sense.
  init(parameters: [String: Double]) throws(InvalidParameter)

  /// Share of the views that are changed, 0...1.
  var probability: Double { get }
  /// Changes the view and notes what it did (`PlanarImage.note`); all its randomness comes from `generator`.
  func apply(to view: inout PlanarImage, using generator: inout KeyedGenerator)
  /// The augmentation for views that are normalised so; the same unless what it writes depends on it.
  func adapted(to normalization: Normalization) -> Self
}

extension Augmentation {
  /// The same.
  public func adapted(to normalization: Normalization) -> Self { self }

  /// Changes the view with the augmentation's probability, and says whether it did.
  @discardableResult
  public func callAsFunction(_ view: inout PlanarImage, using generator: inout KeyedGenerator) -> Bool {
    guard generator.happens(probability) else { return false }
    apply(to: &view, using: &generator)
    return true
  }
}

/// A parameter of an augmentation has a value that makes no sense.
public struct InvalidParameter: Error, Equatable {
  /// The parameter's key.
  public let key: String
  /// What it must be.
  public let requirement: String

  /// `key` does not meet `requirement`.
  public init(_ key: String, mustBe requirement: String) {
    self.key = key
    self.requirement = requirement
  }
}

extension [String: Double] {
  /// The value of `key` if it lies in `range`.
  public func value(_ key: String, in range: ClosedRange<Double>) throws(InvalidParameter) -> Double {
    guard let value = self[key], range.contains(value) else {
      throw InvalidParameter(key, mustBe: "between \(range.lowerBound) and \(range.upperBound)")
    }
    return value
  }

  /// The value of `key` if it is a whole number in `range`.
  public func whole(_ key: String, in range: ClosedRange<Int>) throws(InvalidParameter) -> Int {
    guard let value = self[key], let whole = Int(exactly: value), range.contains(whole) else {
      throw InvalidParameter(
        key, mustBe: "a whole number between \(range.lowerBound) and \(range.upperBound)")
    }
    return whole
  }
}
