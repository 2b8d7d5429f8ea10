/// The sizes of a tensor's axes, outermost first; up to eight, kept in place (no allocation).
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  private var sizes = SIMD8<Int>(repeating: 1)
  /// How many axes there are; 0 for a scalar.
  public private(set) var rank: Int

  /// A shape of the given sizes, outermost first: at most eight, none negative.
  public init(_ sizes: [Int]) {
    precondition(sizes.count <= 8, "Shape: \(sizes.count) axes; at most 8 are possible")
    rank = sizes.count
    for (axis, size) in sizes.enumerated() {
      precondition(size >= 0, "Shape: axis \(axis) has size \(size)")
      self.sizes[axis] = size
    }
  }

  /// `[2, 3, 4]` where a shape is wanted.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// The size of an axis; a negative axis counts from the end (-1 is the last).
  public subscript(_ axis: Int) -> Int {
    let place = axis < 0 ? rank + axis : axis
    precondition(place >= 0 && place < rank, "Shape \(self) has no axis \(axis)")
    return sizes[place]
  }

  /// The number of elements.
  public var count: Int {
    var product = 1
    for axis in 0..<rank { product *= sizes[axis] }
    return product
  }

  /// Rows when the last axis is taken as the row's length: [..., D] has count / D rows.
  public var rows: Int { rank == 0 ? 1 : (self[-1] == 0 ? 0 : count / self[-1]) }

  /// This shape with its last axis replaced.
  public func replacingLast(_ size: Int) -> Shape {
    var result = self
    result.sizes[rank - 1] = size
    return result
  }

  /// The sizes as an array.
  public var array: [Int] { (0..<rank).map { sizes[$0] } }

  /// `[2, 3, 4]`.
  public var description: String { "[" + array.map(String.init).joined(separator: ", ") + "]" }
}
