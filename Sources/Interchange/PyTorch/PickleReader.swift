import Foundation

/// Reads a pickle as data: it follows the instructions that build numbers, texts, containers and tensors, and
/// executes nothing.
///
/// A class or function is a name from a short list (`PickleGlobal`), and calling it records what was asked for. The
/// work is one step an instruction, containers are moved and never copied, nothing recurses, and the number of
/// instructions is bounded so that values take at most 64 MB or as much as the file itself.
/// https://docs.python.org/3/library/pickle.html
struct PickleReader {
  private let path, pickle: String
  private let start: Int
  private var reader: ByteReader
  private var contents: PickleContents
  private var stack: [PickleValue] = []
  /// For each open MARK the stack's height there.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  /// The instruction being followed, and its place from the start of the file.
  private var opcode = PickleOpcode.stop
  private var offset = 0

  /// An instruction allocates less than this on average, in bytes.
  private static let costOfInstruction = 128
  private static let freeCost = 64 << 20
  private static let longestKey = 256

  /// Reads the pickle that begins with `part`'s first byte and ends within it; `name` is what errors call it.
  static func read(
    _ data: Data, _ part: Range<Int>, path: String, name: String
  ) throws(PyTorchError) -> PickleContents {
    var reader = PickleReader(data, part, path, name)
    try reader.run()
    return reader.contents
  }

  private init(_ data: Data, _ part: Range<Int>, _ path: String, _ name: String) {
    (self.path, pickle, start) = (path, name, part.lowerBound)
    reader = ByteReader(data, part)
    contents = PickleContents(data: data)
  }

  private mutating func run() throws(PyTorchError) {
    var budget = max(Self.freeCost, contents.data.count) / Self.costOfInstruction
    repeat {
      offset = reader.position
      guard let byte = reader.byte() else {
        throw .format(path: path, reason: "\(pickle) ends without STOP: cut short?")
      }
      guard let known = PickleOpcode(rawValue: byte) else {
        let text = String(byte, radix: 16, uppercase: true)
        throw .format(
          path: path, reason: "\(pickle), byte \(offset - start): 0x\(text) is no instruction of a pickle")
      }
      opcode = known
      budget -= 1
      if budget < 0 { throw refused("more instructions than a file of this size needs") }
      try step()
    } while opcode != .stop
    contents.end = reader.position
  }

  private mutating func step() throws(PyTorchError) {
    switch opcode {
    case .proto:
      let version = try argument(reader.byte())
      if version > 5 { throw refused("pickle protocol \(version); 0 to 5 are known") }
    case .frame: try text(lengthBytes: 8, isFrame: true)
    case .stop: contents.root = try pop()
    case .mark: marks.append(stack.count)
    case .pop: _ = try pop()
    case .popMark: _ = try popToMark()
    case .dup:
      let top = try pop()
      stack += [top, top]

    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .binInt:
      stack.append(.integer(Int(Int32(truncatingIfNeeded: try argument(reader.number(bytes: 4))))))
    case .binInt1: stack.append(.integer(try argument(reader.count(bytes: 1))))
    case .binInt2: stack.append(.integer(try argument(reader.count(bytes: 2))))
    case .long1: try long(lengthBytes: 1)
    case .long4: try long(lengthBytes: 4)
    case .binFloat:
      stack.append(.float(Double(bitPattern: try argument(reader.number(bytes: 8)).byteSwapped)))

    case .shortBinString, .shortBinUnicode: try text(lengthBytes: 1)
    case .binString, .binUnicode: try text(lengthBytes: 4)
    case .binUnicode8: try text(lengthBytes: 8)
    case .shortBinBytes: try text(lengthBytes: 1, isOpaque: true)
    case .binBytes: try text(lengthBytes: 4, isOpaque: true)
    case .binBytes8, .byteArray8: try text(lengthBytes: 8, isOpaque: true)

    case .emptyList: stack.append(.list(new([])))
    case .emptyTuple: stack.append(.tuple(new([])))
    case .emptyDict: stack.append(.dictionary(new([])))
    case .emptySet: stack.append(.opaque)
    case .list: stack.append(.list(new(try popToMark())))
    case .tuple: stack.append(.tuple(new(try popToMark())))
    case .tuple1: stack.append(.tuple(new(try pop(1))))
    case .tuple2: stack.append(.tuple(new(try pop(2))))
    case .tuple3: stack.append(.tuple(new(try pop(3))))
    case .dict: stack.append(.dictionary(new(try pairs(popToMark()))))
    case .frozenSet:
      _ = try popToMark()
      stack.append(.opaque)
    case .append: try extendList(by: [pop()])
    case .appends, .addItems: try extendList(by: popToMark())
    case .setItem: try extendDictionary(by: pop(2))
    case .setItems: try extendDictionary(by: popToMark())

    case .binPut: memo[try argument(reader.count(bytes: 1))] = try top()
    case .longBinPut: memo[try argument(reader.count(bytes: 4))] = try top()
    case .memoize: memo[memo.count] = try top()
    case .binGet: try recall(argument(reader.count(bytes: 1)))
    case .longBinGet: try recall(argument(reader.count(bytes: 4)))

    case .global:
      let module = try argument(reader.line())
      try name(module, argument(reader.line()))
    case .stackGlobal:
      let names = try pop(2)
      guard case .text(let module) = names[0], case .text(let name) = names[1] else {
        throw refused("module and name are not texts")
      }
      try self.name(contents.texts[module], contents.texts[name])
    case .reduce, .newObj:
      let parts = try pop(2)
      stack.append(try call(parts[0], parts[1]))
    case .newObjEx:
      let parts = try pop(3)
      guard case .global(.opaque) = parts[0] else { throw refused("keyword arguments for what takes none") }
      stack.append(.opaque)
    case .build:
      // What is set on a dictionary (a state dict's `_metadata`) or an opaque thing is let go.
      _ = try pop()
      switch try top() {
      case .dictionary, .opaque: break
      default: throw refused("sets attributes of what has none")
      }
    case .binPersID: stack.append(try storage(pop()))

    case .int, .long, .float, .string, .unicode, .put, .get, .persID, .inst, .obj, .ext1, .ext2, .ext4,
      .nextBuffer, .readOnlyBuffer:
      throw refused("torch.save never writes this instruction, and it is not followed")
    }
  }

  // MARK: The stack and the memo

  private func refused(_ reason: String) -> PyTorchError {
    .pickle(path: path, pickle: pickle, offset: offset - start, opcode: opcode.name, reason: reason)
  }

  private func argument<Value>(_ value: Value?) throws(PyTorchError) -> Value {
    guard let value else { throw refused("its argument ends outside the pickle: cut short?") }
    return value
  }

  /// How many values lie above the last MARK.
  private var reachable: Int { stack.count - (marks.last ?? 0) }

  private func top() throws(PyTorchError) -> PickleValue {
    guard reachable > 0, let top = stack.last else { throw refused("takes a value that is not there") }
    return top
  }

  private mutating func pop() throws(PyTorchError) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int) throws(PyTorchError) -> [PickleValue] {
    guard reachable >= count else { throw refused("takes \(count) values, and there are \(reachable)") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(PyTorchError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw refused("there is no MARK before it") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ key: Int) throws(PyTorchError) {
    guard let value = memo[key] else { throw refused("the memo has no \(key)") }
    stack.append(value)
  }

  // MARK: Values

  private mutating func new(_ items: [PickleValue]) -> Int {
    contents.items.append(items)
    return contents.items.count - 1
  }

  /// A text or bytes after their length; of a frame only the length is taken, which must fit.
  private mutating func text(
    lengthBytes: Int, isOpaque: Bool = false, isFrame: Bool = false
  ) throws(PyTorchError) {
    let length = try argument(reader.count(bytes: lengthBytes))
    if isFrame {
      if length > reader.rest {
        throw refused("\(length) bytes announced, and \(reader.rest) are left: cut short?")
      }
      return
    }
    let left = reader.rest
    guard let place = reader.skip(length) else {
      throw refused("\(length) bytes announced, and \(left) are left: cut short?")
    }
    if isOpaque {
      stack.append(.opaque)
    } else {
      contents.texts.append(place)
      stack.append(.text(contents.texts.count - 1))
    }
  }

  /// A little-endian two's complement integer after its length; more than eight bytes are opaque.
  private mutating func long(lengthBytes: Int) throws(PyTorchError) {
    let length = try argument(reader.count(bytes: lengthBytes))
    let left = reader.rest
    guard length <= 8 else {
      // LONG4's length is signed; what is negative there does not fit either.
      if reader.skip(length) == nil {
        throw refused("\(length) bytes announced, and \(left) are left: cut short?")
      }
      stack.append(.opaque)
      return
    }
    let bits = try argument(reader.number(bytes: length))
    let unused = UInt64(64 - 8 * length)
    stack.append(.integer(length == 0 ? 0 : Int(Int64(bitPattern: bits << unused) >> Int64(unused))))
  }

  private func pairs(_ items: [PickleValue]) throws(PyTorchError) -> [PickleValue] {
    if items.count % 2 != 0 { throw refused("a key without a value") }
    return items
  }

  private mutating func extendList(by items: [PickleValue]) throws(PyTorchError) {
    switch try top() {
    case .list(let place): contents.items[place] += items
    case .opaque: break
    default: throw refused("adds to what is no list")
    }
  }

  private mutating func extendDictionary(by items: [PickleValue]) throws(PyTorchError) {
    switch try top() {
    case .dictionary(let place): contents.items[place] += try pairs(items)
    case .opaque: break
    default: throw refused("sets items of what is no dictionary")
    }
  }

  // MARK: Classes, functions and what they make

  private mutating func name(_ module: Range<Int>, _ name: Range<Int>) throws(PyTorchError) {
    // The longest on the list is shorter; what an error shows is cut.
    func words(_ place: Range<Int>) -> String {
      String(decoding: contents.data[place.prefix(100)], as: UTF8.self)
    }
    guard let global = PickleGlobal(module: words(module), name: words(name)) else {
      throw .global(
        path: path, pickle: pickle, offset: offset - start, name: "\(words(module)).\(words(name))")
    }
    stack.append(.global(global))
  }

  /// What calling a global with a tuple of arguments gives.
  private mutating func call(_ callee: PickleValue, _ arguments: PickleValue) throws(PyTorchError)
    -> PickleValue
  {
    guard case .tuple(let place) = arguments else { throw refused("the arguments are no tuple") }
    guard case .global(let global) = callee else { throw refused("calls what is no class or function") }
    let count = contents.items[place].count
    func argument(_ index: Int) -> PickleValue { index < count ? contents.items[place][index] : .none }
    switch global {
    case .opaque: return .opaque
    case .orderedDictionary where count == 0: return .dictionary(new([]))
    case .orderedDictionary: throw refused("an OrderedDict of arguments, as Python 2 wrote it")
    case .size:
      guard case .tuple = argument(0) else { throw refused("a torch.Size of what is no tuple") }
      return argument(0)
    case .rebuildParameter:
      guard case .tensor = argument(0) else { throw refused("a Parameter of what is no tensor") }
      return argument(0)
    case .rebuildTensor:
      guard case .storage(let storage) = argument(0), case .integer(let offset) = argument(1),
        case .tuple(let sizes) = argument(2), case .tuple(let strides) = argument(3)
      else { throw refused("a tensor without storage, offset, sizes and strides") }
      contents.tensors.append(
        PickledTensor(storage: storage, offset: offset, sizes: sizes, strides: strides))
      return .tensor(contents.tensors.count - 1)
    case .storage: throw refused("makes a storage by a call")
    }
  }

  /// The storage of a persistent identity: ("storage", class, key, device, count of numbers), and in the legacy
  /// format a view of another storage, which PyTorch has not written since 0.4.
  private mutating func storage(_ identity: PickleValue) throws(PyTorchError) -> PickleValue {
    guard case .tuple(let place) = identity, (5...6).contains(contents.items[place].count) else {
      throw refused("not the identity of a storage")
    }
    let parts = contents.items[place]
    guard contents.isText(parts[0], "storage"), case .global(.storage(let type)) = parts[1],
      case .text(let key) = parts[2], case .integer(let count) = parts[4]
    else { throw refused("not the identity of a storage") }
    switch parts.count == 6 ? parts[5] : .none {
    case .none: break
    default: throw refused("a storage that is a view of another")
    }
    // PyTorch's keys are numbers; every tensor looks its key up, so a key of megabytes would cost them again each time.
    let length = contents.texts[key].count
    guard length <= Self.longestKey else { throw refused("a storage's key of \(length) bytes") }
    guard count >= 0 else { throw refused("a storage of \(count) numbers") }
    contents.storages.append(PickledStorage(type: type, key: key, count: count))
    return .storage(contents.storages.count - 1)
  }
}
