import EmanateAutograd
import EmanateTensors
import TestSupport
import Testing

@Suite struct ConvolutionTests {
  @Test(arguments: Operation.shapes)
  func `a convolution is the sum over its window`(shape: Operation.ConvolutionShape) {
    let x = hashFilled("x", shape.input)
    let weight = hashFilled("w", [shape.outputs, shape.input[3], shape.side, shape.side], scale: 0.3)
    let y = convolution(
      FeatureMap(Variable(x)), Variable(weight), stride: shape.stride, padding: shape.padding, moments: true)
    let wanted = naive(x, weight, shape, groups: 1)
    #expect(y.shape == wanted.shape && relativeError(y.raw.value, wanted) < 1e-6)
    expectMoments(y)
  }

  @Test(arguments: Operation.shapes)
  func `a depthwise convolution is one a channel`(shape: Operation.ConvolutionShape) {
    let channels = shape.input[3]
    let x = hashFilled("x", shape.input)
    let weight = hashFilled("w", [channels, 1, shape.side, shape.side], scale: 0.3)
    let y = depthwiseConvolution(
      FeatureMap(Variable(x)), Variable(weight), stride: shape.stride, padding: shape.padding, moments: true)
    let wanted = naive(x, weight, shape, groups: channels)
    #expect(y.shape == wanted.shape && relativeError(y.raw.value, wanted) < 1e-6)
    expectMoments(y)
  }

  /// Images of several blocks of rows, in numbers that do not go evenly into blocks.
  @Test(arguments: [9, 17, 25, 27])
  func `every image of a batch of any number is convolved and differentiated as it is alone`(count: Int) {
    let shape: Shape = [count, 28, 28, 3]
    let x = hashFilled("x", shape)
    let weight = Variable(hashFilled("w", [8, 3, 3, 3], scale: 0.3))
    let depthwise = Variable(hashFilled("d", [3, 1, 3, 3], scale: 0.3))
    for operation: (Variable) -> Variable in [
      { convolution(FeatureMap($0), weight, padding: 1, moments: true).raw },
      { depthwiseConvolution(FeatureMap($0), depthwise, padding: 1).raw },
      { maxPool(FeatureMap($0), side: 3, stride: 1, padding: 1) },
    ] {
      func run(_ rows: Range<Int>) -> (value: Tensor, gradients: [Tensor]) {
        GradientCheck.gradients(
          inputs: [x[rows: rows]], weights: { hashFilled("seed", shape.replacingLast($0[3]))[rows: rows] }
        ) { operation($0[0]) }
      }
      let all = run(0..<count)
      for image in 0..<count {
        let alone = run(image..<image + 1)
        #expect(relativeError(all.value[rows: image..<image + 1], alone.value) < 1e-6, "image \(image)")
        #expect(relativeError(all.gradients[0][rows: image..<image + 1], alone.gradients[0]) < 1e-6)
      }
    }
  }

  @Test func `what is pending on a map is what it is when done`() {
    let x = hashFilled("x", [2, 9, 8, 24], scale: 2, offset: 1)
    let (gain, bias) = (hashFilled("gain", [24], scale: 0.5, offset: 1), hashFilled("bias", [24]))
    let weight = Variable(hashFilled("w", [16, 24, 3, 3], scale: 0.1))
    let depthwise = Variable(hashFilled("d", [24, 1, 3, 3], scale: 0.3))
    let statistics = hashFilled("statistics", [2, 24], scale: 0.2, offset: 1)
    for activation in [ChannelActivation.none, .relu, .relu6, .hardSwish, .hardSigmoid] {
      let pending = FeatureMap(Variable(x)).normalized(
        statistics: statistics, isOwn: false, weight: Variable(gain), bias: Variable(bias), epsilon: 1e-5
      ).activated(activation)
      let done = FeatureMap(Variable(naiveNormalized(x, statistics, gain, bias, activation)))
      #expect(relativeError(materialized(pending).value, done.raw.value) < 1e-6)
      for (a, b) in [
        (convolution(pending, weight, padding: 1).raw, convolution(done, weight, padding: 1).raw),
        (
          depthwiseConvolution(pending, depthwise, padding: 1).raw,
          depthwiseConvolution(done, depthwise, padding: 1).raw
        ),
        (maxPool(pending, side: 3, stride: 2, padding: 1), maxPool(done, side: 3, stride: 2, padding: 1)),
      ] { #expect(relativeError(a.value, b.value) < 2e-6) }
    }
  }

  @Test func `moments keep their digits far from zero`() {
    // A mean a thousand times the deviation: the naive sum of squares would lose all digits.
    let x = hashFilled("x", [4, 20, 20, 8], scale: 1, offset: 1000)
    let identity = Tensor((0..<64).map { $0 / 8 == $0 % 8 ? 1 : 0 }, [8, 8, 1, 1])
    expectMoments(convolution(FeatureMap(Variable(x)), Variable(identity), moments: true), tolerance: 1e-4)
  }

  private func expectMoments(_ y: FeatureMap, tolerance: Double = 1e-5) {
    let (pixels, channels) = (y.shape.rows, y.shape[3])
    let (numbers, moments) = (y.raw.value.array, y.moments!.array)
    for c in 0..<channels {
      let own = (0..<pixels).map { Double(numbers[$0 * channels + c]) }
      let mean = own.reduce(0, +) / Double(pixels)
      let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(pixels)
      #expect(abs(Double(moments[c]) - mean) < tolerance * max(1, abs(mean)))
      #expect(abs(Double(moments[channels + c]) - variance) < tolerance * max(1e-3, variance))
    }
  }

  private func naive(_ x: Tensor, _ weight: Tensor, _ shape: Operation.ConvolutionShape, groups: Int)
    -> Tensor
  {
    let (images, height, width, channels) = (shape.input[0], shape.input[1], shape.input[2], shape.input[3])
    let (side, outputs) = (shape.side, weight.shape[0])
    let outHeight = (height + 2 * shape.padding - side) / shape.stride + 1
    let outWidth = (width + 2 * shape.padding - side) / shape.stride + 1
    let (input, w) = (x.array, weight.array)
    let perGroup = channels / groups
    var y: [Float] = []
    for n in 0..<images {
      for oy in 0..<outHeight {
        for ox in 0..<outWidth {
          for o in 0..<outputs {
            var sum = 0.0
            for i in 0..<perGroup {
              let c = groups == 1 ? i : o
              for ky in 0..<side {
                for kx in 0..<side {
                  let (iy, ix) = (
                    oy * shape.stride - shape.padding + ky, ox * shape.stride - shape.padding + kx
                  )
                  if iy < 0 || iy >= height || ix < 0 || ix >= width { continue }
                  sum +=
                    Double(input[((n * height + iy) * width + ix) * channels + c])
                    * Double(w[((o * perGroup + i) * side + ky) * side + kx])
                }
              }
            }
            y.append(Float(sum))
          }
        }
      }
    }
    return Tensor(y, [images, outHeight, outWidth, outputs])
  }

  private func naiveNormalized(
    _ x: Tensor, _ statistics: Tensor, _ gain: Tensor, _ bias: Tensor, _ activation: ChannelActivation
  ) -> Tensor {
    let (s, g, b, channels) = (statistics.array, gain.array, bias.array, x.shape[3])
    return Tensor(
      x.array.enumerated().map { at, number in
        let c = at % channels
        let n =
          (Double(number) - Double(s[c])) / (Double(s[channels + c]) + 1e-5).squareRoot() * Double(g[c])
          + Double(b[c])
        switch activation {
        case .none: return Float(n)
        case .relu: return Float(max(n, 0))
        case .relu6: return Float(min(max(n, 0), 6))
        case .hardSwish: return Float(n * min(max(n + 3, 0), 6) / 6)
        case .hardSigmoid: return Float(min(max(n + 3, 0), 6) / 6)
        }
      }, x.shape)
  }
}
