// Numbers made from names, the same here and in Python, so that golden values need not store weights.
//
// Tests/Golden/parity/README.md defines the hash; Tests/Golden/parity/hash_fill.py is the twin.

import EmanateTensors

/// FNV-1a, 64 bits, of the name's UTF-8 bytes.
private func fnv1a(_ name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// Number `index` of a name: splitmix64's mixing of the hash plus (index + 1) times the golden ratio.
private func mixed(_ hash: UInt64, _ index: Int) -> UInt64 {
  var z = hash &+ UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// A tensor of the name's numbers, in [offset - scale, offset + scale), in row-major order.
public func hashFilled(_ name: String, _ shape: Shape, scale: Float = 1, offset: Float = 0) -> Tensor {
  let hash = fnv1a(name)
  let values = (0..<shape.count).map { index -> Float in
    let signed = 2 * Int32(mixed(hash, index) >> 40) - (1 << 24)
    return Float(signed) * 0x1p-24 * scale + offset
  }
  return Tensor(values, shape)
}

/// The starting value of a parameter in the golden runs; the first rule that fits its name and shape counts.
public func hashFilledParameter(_ name: String, _ shape: Shape) -> Tensor {
  let parts = name.split(separator: ".")
  let last = parts[parts.count - 1]
  if last == "weight_g" { return hashFilled(name, shape, scale: 0, offset: 1) }  // the weight norm's gain
  if last == "cls_token" || last == "pos_embed" { return hashFilled(name, shape, scale: 0.5) }
  if shape.rank > 1 {  // a matrix or a convolution: [out, in, ...]
    let isQuiet = parts.contains("head") || parts.dropLast().suffix(2) == ["attn", "proj"]
    let gain = parts.contains("patch_embed") ? 2.0 : isQuiet ? 0.5 : 1.0
    return hashFilled(name, shape, scale: Float(gain / Double(shape.count / shape[0]).squareRoot()))
  }
  if last == "running_var" { return hashFilled(name, shape, scale: 0.5, offset: 1) }
  if last == "weight" { return hashFilled(name, shape, scale: 0.1, offset: 1) }  // of a normalization
  return hashFilled(name, shape, scale: 0.5)  // a bias
}

/// Gains and biases of a batch normalisation after which a channel is wholly on or off (`hash_fill.py` says why).
public func hashFilledGate(_ name: String, _ shape: Shape) -> Tensor {
  if name.hasSuffix("weight") { return hashFilled(name, shape, scale: 0.1, offset: 0.4) }
  return Tensor(hashFilled(name, shape, scale: 0.5).array.map { $0 + ($0 < 0 ? -1.5 : 1.5) }, shape)
}

/// Which elements of a large tensor the golden values keep.
public func hashedPlaces(_ name: String, count: Int, places: Int = 64) -> [Int] {
  let hash = fnv1a("places." + name)
  return (0..<places).map { Int(mixed(hash, $0) % UInt64(count)) }
}
