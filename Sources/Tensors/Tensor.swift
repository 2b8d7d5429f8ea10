import CEmanateKernels

/// A dense, row-major array of numbers: a value, copied when written to while shared.
///
/// The numbers are float32, but for what operations keep in bfloat16; of such a tensor `array`, `float32()` and
/// `bfloat16Pointer` give the numbers.
public struct Tensor: Sendable {
  package private(set) var storage: Storage
  /// Where the first element stands in the storage, in elements.
  package let offset: Int
  /// The sizes of the axes, outermost first.
  public let shape: Shape
  /// What its elements are.
  public let precision: Precision

  /// A tensor whose elements are not yet written.
  public init(uninitialized shape: Shape, as precision: Precision = .float32) {
    storage = Storage(bytes: shape.count * (precision == .float32 ? 4 : 2))
    offset = 0
    self.shape = shape
    self.precision = precision
  }

  /// A tensor of one repeated number.
  public init(repeating value: Float = 0, _ shape: Shape) {
    self.init(uninitialized: shape)
    elements.initialize(repeating: value)
  }

  /// A tensor of the given numbers in row-major order.
  public init(_ values: [Float], _ shape: Shape) {
    precondition(values.count == shape.count, "Tensor: \(values.count) values for shape \(shape)")
    self.init(uninitialized: shape)
    _ = elements.initialize(from: values)
  }

  package init(storage: Storage, offset: Int, shape: Shape, precision: Precision = .float32) {
    self.storage = storage
    self.offset = offset
    self.shape = shape
    self.precision = precision
  }

  /// The number of elements.
  public var count: Int { shape.count }

  /// The elements in row-major order, copied.
  public var array: [Float] {
    let numbers = float32()
    return withExtendedLifetime(numbers) { Array(UnsafeBufferPointer(numbers.elements)) }
  }

  /// The same numbers as float32, exactly; the tensor itself if it is that.
  public func float32() -> Tensor {
    if precision == .float32 { return self }
    let wide = Tensor(uninitialized: shape)
    withExtendedLifetime(storage) { em_from_bfloat16(bfloat16Pointer, count, wide.pointer) }
    return wide
  }

  /// The only element of a tensor that has one.
  public var scalar: Float {
    precondition(count == 1, "Tensor.scalar: shape \(shape) has \(count) elements")
    return withExtendedLifetime(storage) { elements[0] }
  }

  /// The same elements under another shape of the same count.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(
      shape.count == count,
      "Tensor.reshaped: \(self.shape) has \(count) elements, \(shape) has \(shape.count)")
    return Tensor(storage: storage, offset: offset, shape: shape, precision: precision)
  }

  /// Rows `range` of the first axis, sharing memory: [R, ...] -> [range.count, ...].
  public subscript(rows range: Range<Int>) -> Tensor {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= shape[0], "Tensor[rows: \(range)]: shape is \(shape)")
    let stride = shape[0] == 0 ? 0 : count / shape[0]
    var sizes = shape.array
    sizes[0] = range.count
    return Tensor(
      storage: storage, offset: offset + range.lowerBound * stride, shape: Shape(sizes), precision: precision)
  }

  /// Reads the elements in place.
  public func withElements<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(storage) { try body(UnsafeBufferPointer(elements)) }
  }

  /// Writes the elements in place; copies them first if another tensor shares them.
  public mutating func withMutableElements<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    if !isKnownUniquelyReferenced(&storage) { self = copied() }
    return try withExtendedLifetime(storage) { try body(elements) }
  }

  /// The same elements in memory of their own.
  public func copied() -> Tensor {
    let copy = Tensor(uninitialized: shape)
    withElements { _ = copy.elements.update(from: $0) }
    return copy
  }

  /// Whether no other tensor shares this one's memory.
  package mutating func isUniquelyReferenced() -> Bool { isKnownUniquelyReferenced(&storage) }

  /// The elements where they stand, for kernels that write what nobody else reads yet.
  ///
  /// Valid while the tensor lives. Uniqueness is not checked: use on tensors just made.
  package var elements: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: shape.count)
  }

  /// The first element's place; as `elements`.
  package var pointer: UnsafeMutablePointer<Float> {
    precondition(precision == .float32, "Tensor: \(precision) numbers of shape \(shape) are not float32")
    return storage.base.assumingMemoryBound(to: Float.self) + offset
  }

  /// The first element's place in a bfloat16 tensor: upper halves of float32 numbers.
  package var bfloat16Pointer: UnsafeMutablePointer<UInt16> {
    precondition(precision == .bfloat16, "Tensor: \(precision) numbers of shape \(shape) are not bfloat16")
    return storage.base.assumingMemoryBound(to: UInt16.self) + offset
  }
}
