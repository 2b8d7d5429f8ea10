import EmanateTensors
import Foundation

/// The tensors of one state dict in a PyTorch checkpoint: what it holds, and each tensor when asked for.
public struct PyTorchContents: Sendable {
  /// The file.
  public let path: String
  /// The key under which the state dict stands; nil where the file itself is one.
  public let part: String?
  /// The tensors' names in the state dict's order, without the prefixes `module.` and `backbone.`.
  public let names: [String]

  fileprivate struct Entry {
    let type: NumberType
    let shape: Shape
    /// Numbers, for each axis.
    let strides: [Int]
    /// The first number, counted from the storage's first.
    let offset: Int
    /// The storage, in bytes from the start of the file.
    let storage: Range<Int>
  }
  private let entries: [String: Entry]
  private let data: Data

  init(
    path: String, part: String?, _ dictionary: PickleValue, of pickle: PickleContents,
    _ storages: [String: Range<Int>]
  ) throws(PyTorchError) {
    (self.path, self.part, data) = (path, part, pickle.data)
    var (names, entries): ([String], [String: Entry]) = ([], [:])
    for (key, value) in pickle.entries(dictionary) {
      guard case .tensor(let place) = value else { continue }
      guard var name = pickle.text(key)?[...] else {
        throw .format(path: path, reason: "the name of tensor \(names.count) is no text")
      }
      for prefix in ["module.", "backbone."] where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
      if entries[String(name)] != nil {
        throw .tensor(path: path, name: String(name), reason: "two tensors of this name")
      }
      do throws(Refusal) {
        entries[String(name)] = try Self.entry(pickle.tensors[place], of: pickle, storages)
      } catch { throw .tensor(path: path, name: String(name), reason: error.reason) }
      names.append(String(name))
    }
    (self.names, self.entries) = (names, entries)
  }

  /// The shape of a tensor; nil if the part has none of this name.
  public func shape(of name: String) -> Shape? { entries[name]?.shape }

  /// The number type of a tensor as safetensors calls it ("F32", "BF16", "I64", ...); nil if the part has none of
  /// this name.
  public func type(of name: String) -> String? { entries[name]?.type.rawValue }

  /// A tensor in row-major order, each of its numbers rounded to the nearest float32; integers too.
  public func tensor(_ name: String) throws(PyTorchError) -> Tensor {
    guard let entry = entries[name] else {
      throw .tensor(path: path, name: name, reason: "the file has none of this name")
    }
    var tensor = Tensor(uninitialized: entry.shape)
    data.withUnsafeBytes { bytes in
      tensor.withMutableElements {
        entry.gather(UnsafeRawBufferPointer(rebasing: bytes[entry.storage]), into: $0)
      }
    }
    return tensor
  }

  private struct Refusal: Error { let reason: String }

  /// A tensor's entry, if its numbers lie within its storage and that within the file.
  private static func entry(
    _ tensor: PickledTensor, of pickle: PickleContents, _ storages: [String: Range<Int>]
  ) throws(Refusal) -> Entry {
    func refused(_ reason: String) -> Refusal { Refusal(reason: reason) }
    let storage = pickle.storages[tensor.storage]
    guard let key = pickle.text(.text(storage.key)), let bytes = storages[key] else {
      throw refused("the file has no storage of its key")
    }
    let (needed, overflows) = storage.count.multipliedReportingOverflow(by: storage.type.width)
    if overflows || needed > bytes.count {
      throw refused(
        "its storage `\(key)` of \(storage.count) numbers (\(storage.type.rawValue)) has only \(bytes.count) bytes"
      )
    }
    let rank = pickle.items[tensor.sizes].count
    if rank > 8 { throw refused("\(rank) axes; at most 8 are possible") }
    guard pickle.items[tensor.strides].count == rank, let sizes = pickle.integers(tensor.sizes),
      let strides = pickle.integers(tensor.strides), sizes.allSatisfy({ $0 >= 0 })
    else { throw refused("its sizes and strides are not \(rank) integers each") }
    guard tensor.offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw refused("offset \(tensor.offset) or one of the strides \(strides) is negative")
    }
    var (count, last) = (1, tensor.offset)
    for (size, stride) in zip(sizes, strides) {
      let (product, isLarge) = count.multipliedReportingOverflow(by: size)
      let (step, isWide) = max(0, size - 1).multipliedReportingOverflow(by: stride)
      let (sum, isFar) = last.addingReportingOverflow(step)
      if isLarge || isWide || isFar { throw refused("sizes \(sizes) with strides \(strides) are too large") }
      (count, last) = (product, sum)
    }
    guard count == 0 || last < storage.count else {
      throw refused(
        "its last number is the \(last)th of a storage of \(storage.count) (sizes \(sizes), strides \(strides), "
          + "offset \(tensor.offset))")
    }
    // An expanded tensor (strides of 0) may name more numbers than there are.
    guard count <= max(storage.count, pickle.data.count / 4) else {
      throw refused("sizes \(sizes) repeat a storage of \(storage.count) numbers to more than the whole file")
    }
    return Entry(
      type: storage.type, shape: Shape(sizes), strides: strides, offset: tensor.offset,
      storage: bytes.lowerBound..<bytes.lowerBound + needed)
  }
}

extension PyTorchContents.Entry {
  /// Gathers the numbers of the storage row by row; at once where they lie as they are wanted.
  fileprivate func gather(_ bytes: UnsafeRawBufferPointer, into numbers: UnsafeMutableBufferPointer<Float>) {
    let (sizes, count) = (shape.array, numbers.count)
    if count == 0 { return }
    var expected = 1
    var isContiguous = true
    for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
      if stride != expected { isContiguous = false }
      expected *= size
    }
    if isContiguous { return type.convert(bytes, first: offset, into: numbers) }

    let width = sizes[sizes.count - 1]
    var place = [Int](repeating: 0, count: sizes.count - 1)
    var first = offset
    for start in stride(from: 0, to: count, by: width) {
      type.convert(
        bytes, first: first, stride: strides[sizes.count - 1],
        into: UnsafeMutableBufferPointer(rebasing: numbers[start..<start + width]))
      for axis in place.indices.reversed() {
        place[axis] += 1
        first += strides[axis]
        if place[axis] < sizes[axis] { break }
        first -= sizes[axis] * strides[axis]
        place[axis] = 0
      }
    }
  }
}
