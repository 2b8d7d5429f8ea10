import EmanateImages

/// Pillow's operations on levels that only RandAugment uses, bit for bit.
extension PlanarImage {
  /// Keeps the upper `bits` bits of each level (`ImageOps.posterize`).
  mutating func posterize(bits: Int) {
    let mask = ~UInt8(truncatingIfNeeded: 1 << (8 - bits) - 1)
    levels.withUnsafeMutableBufferPointer { for place in $0.indices { $0[place] &= mask } }
  }

  /// Stretches each channel's levels to 0...255 (`ImageOps.autocontrast` without a cutoff).
  mutating func stretchContrast() {
    mapChannels { histogram in
      guard let low = histogram.firstIndex(where: { $0 > 0 }),
        let high = histogram.lastIndex(where: { $0 > 0 }), high > low
      else { return nil }
      let scale = 255 / Double(high - low)
      let offset = -Double(low) * scale
      return (0..<256).map { UInt8(min(max(Int(Double($0) * scale + offset), 0), 255)) }
    }
  }

  /// Spreads each channel's levels so that they are equally frequent, roughly (`ImageOps.equalize`).
  mutating func equalize() {
    mapChannels { histogram in
      guard let last = histogram.last(where: { $0 > 0 }) else { return nil }
      let step = (histogram.reduce(0, +) - last) / 255
      guard step > 0 else { return nil }
      var sum = step / 2
      return histogram.map { count in
        defer { sum += count }
        return UInt8(min(sum / step, 255))
      }
    }
  }

  /// Mixes with a smoothed copy: 0 is smooth, 1 no change, 2 sharp (`ImageEnhance.Sharpness`).
  ///
  /// The copy is Pillow's `SMOOTH`: the middle counts five times, each neighbour once; edge pixels stay.
  mutating func sharpen(by factor: Double) {
    let (width, height, count, factor) = (self.width, self.height, self.count, Float(factor))
    guard width >= 3 && height >= 3 else { return }
    withScratch(3 * count) { levels, source in
      source.update(from: levels, count: 3 * count)
      for plane in 0..<3 {
        for row in 1..<height - 1 {
          let start = (plane * height + row) * width
          for place in start + 1..<start + width - 1 {
            var sum = 4 * Int32(source[place])
            for line in [place - width, place, place + width] {
              sum += Int32(source[line - 1]) + Int32(source[line]) + Int32(source[line + 1])
            }
            // Rounded; a sum over 13 never lies half way.
            let smooth = (2 * sum + 13) / 26
            let mixed = Float(smooth) + factor * Float(Int32(source[place]) - smooth)
            levels[place] = UInt8(min(max(mixed, 0), 255))
          }
        }
      }
    }
  }

  /// Replaces each channel's levels by those of a table that is made from its histogram; none leaves them.
  private mutating func mapChannels(_ table: ([Int]) -> [UInt8]?) {
    let count = self.count
    levels.withUnsafeMutableBufferPointer { levels in
      for plane in 0..<3 {
        let places = plane * count..<(plane + 1) * count
        var histogram = [Int](repeating: 0, count: 256)
        for place in places { histogram[Int(levels[place])] += 1 }
        guard let table = table(histogram) else { continue }
        for place in places { levels[place] = table[Int(levels[place])] }
      }
    }
  }
}
