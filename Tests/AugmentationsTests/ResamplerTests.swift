import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Testing

/// Pillow's resampling written plainly, a channel and a pixel at a time: the oracle for the vector loops.
private struct PlainResampling {
  let filter: ResamplingFilter

  private func kernel(_ x: Double) -> Double {
    let x = abs(x)
    switch filter {
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      if x < 1 { return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
    }
  }

  private func row(_ levels: [UInt8], from start: Float, to end: Float, outputs: Int) -> [UInt8] {
    let scale = Double(end - start) / Double(outputs)
    let widening = max(scale, 1)
    let support = (filter == .bicubic ? 2 : 1) * widening
    let inverse = 1 / widening
    return (0..<outputs).map { output in
      let center = Double(start) + (Double(output) + 0.5) * scale
      let low = max(Int(center - support + 0.5), 0)
      let high = min(Int(center + support + 0.5), levels.count)
      let weights = (low..<high).map { kernel((Double($0) - center + 0.5) * inverse) }
      let total = weights.reduce(0, +)
      var sum = 1 << 21
      for (index, weight) in weights.enumerated() {
        let share = weight / total * Double(1 << 22)
        sum += Int(levels[low + index]) * Int(share < 0 ? share - 0.5 : share + 0.5)
      }
      return UInt8(min(max(sum >> 22, 0), 255))
    }
  }

  /// plane: [height][width] -> [rows][columns].
  func resized(
    _ plane: [[UInt8]], columns: Int, rows: Int, box: (Float, Float, Float, Float), verticalFirst: Bool
  ) -> [[UInt8]] {
    func across(_ plane: [[UInt8]]) -> [[UInt8]] {
      plane.map { row($0, from: box.0, to: box.2, outputs: columns) }
    }
    func turned(_ plane: [[UInt8]]) -> [[UInt8]] { plane[0].indices.map { x in plane.map { $0[x] } } }
    func down(_ plane: [[UInt8]]) -> [[UInt8]] {
      turned(turned(plane).map { row($0, from: box.1, to: box.3, outputs: rows) })
    }
    return verticalFirst ? across(down(plane)) : down(across(plane))
  }
}

@Suite("Resampler")
struct ResamplerTests {
  @Test(
    "Equals plain resampling for random sizes, windows and boxes, in both orders",
    arguments: ResamplingFilter.allCases)
  func plain(filter: ResamplingFilter) {
    var generator = KeyedGenerator(seed: 7, purpose: .probe)
    var resamplers = PassOrder.allCases.map { Resampler(order: $0) }
    for trial in 0..<25 {
      let (width, height) = (1 + generator.index(below: 90), 1 + generator.index(below: 90))
      let image = noise(width: width, height: height, seed: UInt64(trial))
      let w = 1 + generator.index(below: width)
      let h = 1 + generator.index(below: height)
      let window = PixelRectangle(
        x: generator.index(below: width - w + 1), y: generator.index(below: height - h + 1), width: w,
        height: h)
      let (columns, rows) = (1 + generator.index(below: 70), 1 + generator.index(below: 70))
      let box: (Float, Float, Float, Float) =
        trial % 2 == 0
        ? (0, 0, Float(w), Float(h))
        : (
          0.3 * Float(w) * Float(generator.uniform()), 0.3 * Float(h) * Float(generator.uniform()),
          Float(w) * (0.7 + 0.3 * Float(generator.uniform())),
          Float(h) * (0.7 + 0.3 * Float(generator.uniform()))
        )
      let crop = image.cropped(to: window)
      for (index, order) in PassOrder.allCases.enumerated() {
        resamplers[index].load(image)
        var result = PlanarImage(width: 1, height: 1)
        resamplers[index].resize(
          window, box: box, width: columns, height: rows, filter: filter, into: &result)
        let verticalFirst = order == .pillow && h > rows && h - rows > 2 * (w - columns)
        var expected: [UInt8] = []
        for channel in 0..<3 {
          let plane = (0..<h).map { y in (0..<w).map { crop.pixels[3 * (y * w + $0) + channel] } }
          expected += PlainResampling(filter: filter)
            .resized(plane, columns: columns, rows: rows, box: box, verticalFirst: verticalFirst).joined()
        }
        #expect(
          result.levels == expected,
          "\(width) x \(height), \(window), \(box) to \(columns) x \(rows), \(order)")
      }
    }
  }
}
