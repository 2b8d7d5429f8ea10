import Foundation

/// A value of a pickle: a number, or the place of something in its `PickleContents`.
///
/// No value holds another, so however deep a pickle nests them, freeing them takes no stack.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case float(Double)
  /// A place in `texts`.
  case text(Int)
  /// A place in `items`.
  case list(Int)
  case tuple(Int)
  /// A place in `items`, where keys and values take turns.
  case dictionary(Int)
  case global(PickleGlobal)
  /// A place in `storages`.
  case storage(Int)
  /// A place in `tensors`.
  case tensor(Int)
  /// Something that is not looked into: bytes, long integers, sets, `argparse.Namespace`, NumPy's scalars.
  case opaque
}

/// A Python class or function that a pickle may name.
enum PickleGlobal: Equatable {
  case orderedDictionary
  case rebuildTensor
  case rebuildParameter
  case size
  case storage(NumberType)
  /// What it makes is not looked into.
  case opaque

  private static let storages: [String: NumberType] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16,
    "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
    "ByteStorage": .uint8, "BoolStorage": .bool,
  ]

  /// What stands beside tensors in the checkpoints of training scripts: their arguments, devices, number types,
  /// NumPy's scalars.
  private static let opaqueNames: Set<String> = [
    "argparse.Namespace", "torch.device", "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16",
    "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
    "collections.defaultdict", "collections.Counter", "builtins.set", "builtins.dict", "builtins.list",
    "__builtin__.set", "__builtin__.dict", "__builtin__.list", "_codecs.encode", "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
  ]

  /// The global that Python calls `module.name`; nil for any other.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("torch", "Size"): self = .size
    default:
      if module == "torch", let type = Self.storages[name] {
        self = .storage(type)
      } else if Self.opaqueNames.contains("\(module).\(name)") {
        self = .opaque
      } else {
        return nil
      }
    }
  }
}

/// A tensor's numbers as a pickle declares them: a key under which the file holds them.
struct PickledStorage {
  let type: NumberType
  /// A place in `texts`.
  let key: Int
  /// Numbers, not bytes.
  let count: Int
}

/// A tensor as a pickle declares it; nothing is checked yet.
struct PickledTensor {
  /// A place in `storages`.
  let storage: Int
  /// Numbers before the first.
  let offset: Int
  /// Places in `items`.
  let sizes, strides: Int
}

/// What a pickle holds.
struct PickleContents {
  let data: Data
  /// What STOP left.
  var root = PickleValue.none
  /// The first byte after STOP, from the start of the file.
  var end = 0
  /// Places of UTF-8 in the file.
  var texts: [Range<Int>] = []
  var items: [[PickleValue]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []

  /// The text that a value is, if it is one and UTF-8.
  func text(_ value: PickleValue) -> String? {
    guard case .text(let place) = value else { return nil }
    return data.text(at: texts[place])
  }

  /// Whether a value is this text.
  func isText(_ value: PickleValue, _ text: String) -> Bool {
    guard case .text(let place) = value else { return false }
    return data[texts[place]].elementsEqual(text.utf8)
  }

  /// The numbers of a list or tuple of integers.
  func integers(_ place: Int) -> [Int]? {
    var numbers: [Int] = []
    for item in items[place] {
      guard case .integer(let number) = item else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// A dictionary's entries; none of any other value.
  func entries(_ value: PickleValue) -> some Collection<(key: PickleValue, value: PickleValue)> {
    let items = if case .dictionary(let place) = value { items[place] } else { [PickleValue]() }
    return (0..<items.count / 2).lazy.map { (items[2 * $0], items[2 * $0 + 1]) }
  }
}
