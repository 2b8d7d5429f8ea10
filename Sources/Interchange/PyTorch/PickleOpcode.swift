/// The instructions of Python's pickles, protocols 0 to 5.
///
/// https://github.com/python/cpython/blob/main/Lib/pickletools.py describes each.
enum PickleOpcode: UInt8 {
  // Structure
  case proto = 0x80
  case frame = 0x95
  case stop = 0x2E
  case mark = 0x28
  case pop = 0x30
  case popMark = 0x31
  case dup = 0x32
  // Numbers and the like
  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  case binInt = 0x4A
  case binInt1 = 0x4B
  case binInt2 = 0x4D
  case long1 = 0x8A
  case long4 = 0x8B
  case binFloat = 0x47
  // Texts and bytes
  case shortBinString = 0x55
  case binString = 0x54
  case shortBinUnicode = 0x8C
  case binUnicode = 0x58
  case binUnicode8 = 0x8D
  case shortBinBytes = 0x43
  case binBytes = 0x42
  case binBytes8 = 0x8E
  case byteArray8 = 0x96
  // Containers
  case emptyList = 0x5D
  case append = 0x61
  case appends = 0x65
  case list = 0x6C
  case emptyTuple = 0x29
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case emptyDict = 0x7D
  case dict = 0x64
  case setItem = 0x73
  case setItems = 0x75
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  // The memo
  case binPut = 0x71
  case longBinPut = 0x72
  case memoize = 0x94
  case binGet = 0x68
  case longBinGet = 0x6A
  // Classes, functions and what they make
  case global = 0x63
  case stackGlobal = 0x93
  case reduce = 0x52
  case newObj = 0x81
  case newObjEx = 0x92
  case build = 0x62
  case binPersID = 0x51
  // Never written by torch.save, and refused
  case int = 0x49
  case long = 0x4C
  case float = 0x46
  case string = 0x53
  case unicode = 0x56
  case put = 0x70
  case get = 0x67
  case persID = 0x50
  case inst = 0x69
  case obj = 0x6F
  case ext1 = 0x82
  case ext2 = 0x83
  case ext4 = 0x84
  case nextBuffer = 0x97
  case readOnlyBuffer = 0x98

  /// As Python's `pickletools` calls it.
  var name: String {
    switch self {
    case .newTrue: "NEWTRUE"
    case .newFalse: "NEWFALSE"
    case .shortBinString: "SHORT_BINSTRING"
    case .shortBinUnicode: "SHORT_BINUNICODE"
    case .shortBinBytes: "SHORT_BINBYTES"
    case .emptyList: "EMPTY_LIST"
    case .emptyTuple: "EMPTY_TUPLE"
    case .emptyDict: "EMPTY_DICT"
    case .emptySet: "EMPTY_SET"
    case .popMark: "POP_MARK"
    case .longBinPut: "LONG_BINPUT"
    case .longBinGet: "LONG_BINGET"
    case .stackGlobal: "STACK_GLOBAL"
    case .newObjEx: "NEWOBJ_EX"
    case .nextBuffer: "NEXT_BUFFER"
    case .readOnlyBuffer: "READONLY_BUFFER"
    default: "\(self)".uppercased()
    }
  }
}
