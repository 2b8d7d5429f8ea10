/// A number type of tensors in files, little-endian, and its conversion to float32.
///
/// The raw values are safetensors' names.
enum NumberType: String, Sendable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Bytes a number.
  var width: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Fills `row` with the numbers `first`, `first + stride`, ... of `bytes`, each rounded to the nearest float32.
  func convert(
    _ bytes: UnsafeRawBufferPointer, first: Int = 0, stride: Int = 1,
    into row: UnsafeMutableBufferPointer<Float>
  ) {
    if row.isEmpty { return }
    precondition(
      first >= 0 && stride >= 0 && (first + (row.count - 1) * stride + 1) * width <= bytes.count,
      "NumberType: \(row.count) numbers from \(first) by \(stride) in \(bytes.count) bytes")
    func gather<Number>(as type: Number.Type, _ number: (Number) -> Float) {
      for index in row.indices {
        let offset = (first + index * stride) * MemoryLayout<Number>.size
        row[index] = number(bytes.loadUnaligned(fromByteOffset: offset, as: type))
      }
    }
    switch self {
    case .float32 where stride == 1:
      UnsafeMutableRawBufferPointer(row).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[4 * first..<4 * (first + row.count)]))
    case .float32: gather(as: UInt32.self) { Float(bitPattern: $0) }
    case .float64: gather(as: UInt64.self) { Float(Double(bitPattern: $0)) }
    case .float16: gather(as: UInt16.self) { float(half: $0) }
    case .bfloat16: gather(as: UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .int64: gather(as: Int64.self) { Float($0) }
    case .int32: gather(as: Int32.self) { Float($0) }
    case .int16: gather(as: Int16.self) { Float($0) }
    case .int8: gather(as: Int8.self) { Float($0) }
    case .uint8: gather(as: UInt8.self) { Float($0) }
    case .bool: gather(as: UInt8.self) { $0 == 0 ? 0 : 1 }
    }
  }
}

/// The float32 number of an IEEE 754 half-precision bit pattern, exactly.
func float(half bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10) & 0x1F
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
