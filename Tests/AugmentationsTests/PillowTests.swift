import EmanateAugmentations
import EmanateImages
import EmanateKernels
import Foundation
import Testing

@Suite("Against Pillow and torchvision")
struct PillowTests {
  private func difference(
    _ operation: String, _ change: (inout PlanarImage, Golden.Parameters) -> Void
  ) throws -> Difference {
    var difference = Difference()
    for golden in Golden.cases(of: operation) {
      var view = PlanarImage(try Golden.input(of: golden))
      change(&view, golden.parameters)
      difference.add(view.image, try Golden.result(of: golden))
    }
    #expect(difference.values > 0)
    return difference
  }

  @Test("Resizing equals Pillow's bit for bit, up and down, with boxes, by both filters")
  func resize() throws {
    for golden in Golden.cases(of: "resize") {
      let box = golden.parameters.box.map { ($0[0], $0[1], $0[2], $0[3]) }
      let resized = try Golden.input(of: golden).resized(
        width: golden.width, height: golden.height,
        filter: ResamplingFilter(rawValue: golden.parameters.filter!)!,
        box: box)
      #expect(try resized == Golden.result(of: golden), "\(golden)")
    }
  }

  @Test("A resized crop equals torchvision's bit for bit, mirrored or not, from the whole image or its part")
  func resizedCrop() throws {
    for golden in Golden.cases(of: "resized_crop") {
      let image = try Golden.input(of: golden)
      let p = golden.parameters
      let window = PixelRectangle(x: p.x!, y: p.y!, width: p.w!, height: p.h!)
      for region in [window, nil] {
        var resampler = Resampler()
        var view = PlanarImage(width: 1, height: 1)
        resampler.load(image, region: region)
        resampler.resize(window, width: golden.width, height: golden.height, into: &view)
        #expect(try view.image == Golden.result(of: golden), "\(golden)")
        let straight = view.levels
        resampler.resize(window, width: golden.width, height: golden.height, mirrored: true, into: &view)
        let side = golden.width
        for index in view.levels.indices {
          let (row, column) = (index / side, index % side)
          if view.levels[index] != straight[row * side + side - 1 - column] {
            Issue.record("\(golden) mirrored differs at \(index)")
            break
          }
        }
      }
    }
  }

  @Test("Brightness, contrast and saturation equal torchvision's")
  func blends() throws {
    let brightness = try difference("brightness") { ColorJitter.adjustBrightness(&$0, by: $1.factor!) }
    let contrast = try difference("contrast") { ColorJitter.adjustContrast(&$0, by: $1.factor!) }
    let saturation = try difference("saturation") { ColorJitter.adjustSaturation(&$0, by: $1.factor!) }
    #expect(brightness.greatest == 0, "\(brightness)")
    #expect(contrast.greatest == 0, "\(contrast)")
    #expect(saturation.greatest == 0, "\(saturation)")
  }

  @Test("Hue is within one level of torchvision's, and nearly always equal")
  func hue() throws {
    let hue = try difference("hue") { ColorJitter.rotateHue(&$0, by: $1.turns!) }
    #expect(hue.greatest <= 1, "\(hue)")
    #expect(hue.equal > hue.values / 1000 * 999, "\(hue)")
  }

  @Test("Grey, solarized and mirrored images equal Pillow's")
  func exact() throws {
    var generator = KeyedGenerator(seed: 0, purpose: .views)
    let grey = try Grayscale(parameters: Grayscale.defaults)
    let solarize = try Solarize(parameters: Solarize.defaults)
    let flip = try HorizontalFlip(parameters: HorizontalFlip.defaults)
    #expect(try difference("grayscale") { view, _ in grey.apply(to: &view, using: &generator) }.greatest == 0)
    #expect(
      try difference("solarize") { view, _ in solarize.apply(to: &view, using: &generator) }.greatest == 0)
    #expect(try difference("flip") { view, _ in flip.apply(to: &view, using: &generator) }.greatest == 0)
  }

  @Test("Blur is within two levels of Pillow's, and mostly equal")
  func blur() throws {
    let blur = try difference("blur") { GaussianBlur.blur(&$0, radius: $1.radius!) }
    #expect(blur.greatest <= 2, "\(blur)")
    #expect(blur.equal > blur.values / 100 * 95, "\(blur)")
  }

  @Test("Evaluation resizes and crops as torchvision does")
  func evaluation() throws {
    for golden in Golden.cases(of: "evaluation") {
      let prepared = EvaluationTransform(side: golden.parameters.side!).prepared(try Golden.input(of: golden))
      #expect(try prepared == Golden.result(of: golden), "\(golden)")
    }
  }

  @Test(
    "Normalisation of each level is torchvision's to 1e-6, and patch rows are laid out as a convolution's weight"
  )
  func normalization() throws {
    for patch in [2, 4, 8, 16] {
      let side = 16
      var view = PlanarImage(width: side, height: side)
      for channel in 0..<3 {
        for pixel in 0..<256 { view.levels[256 * channel + pixel] = UInt8((pixel * 7 + channel) % 256) }
      }
      var rows = [Float](repeating: .nan, count: 3 * side * side)
      rows.withUnsafeMutableBufferPointer { Normalization.imageNet.write(view, patch: patch, into: $0) }
      for channel in 0..<3 {
        for y in 0..<side {
          for x in 0..<side {
            let token = y / patch * (side / patch) + x / patch
            let place = (channel * patch + y % patch) * patch + x % patch
            let level = Int(view.levels[(channel * side + y) * side + x])
            let value = rows[token * 3 * patch * patch + place]
            #expect(abs(value - Golden.shared.normalized[channel][level]) <= 1e-6)
          }
        }
      }
    }
  }
}
