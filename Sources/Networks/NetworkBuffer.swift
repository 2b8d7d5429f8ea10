import EmanateTensors

/// The place of numbers that training changes without gradients: the running statistics of a batch normalisation.
///
/// Optimizer, norms and moving averages leave them alone; checkpoints hold them.
public struct NetworkBuffer: Sendable {
  /// As torchvision and timm call it, `layer1.0.bn1.running_mean`, say.
  public let name: String
  /// The buffer's own shape.
  public let shape: Shape
  /// Its numbers in a new network.
  public let initial: Float
  let offset: Int

  var part: Range<Int> { offset..<offset + shape.count }
}

/// What a pass in training found for a buffer: buffer ← (1 − share) · buffer + share · value, once, after the step.
public struct BufferUpdate: Sendable {
  let buffer: NetworkBuffer
  let value: Tensor
  let share: Float
}

extension ParameterStore {
  /// The numbers of one buffer, sharing memory.
  public subscript(_ buffer: NetworkBuffer) -> Tensor {
    Tensor(storage: bufferValues.storage, offset: buffer.offset, shape: buffer.shape)
  }

  /// Replaces one buffer's numbers.
  public func set(_ buffer: NetworkBuffer, to value: Tensor) {
    precondition(
      value.shape.count == buffer.shape.count, "\(buffer.name): \(value.shape) for \(buffer.shape)")
    updateBuffers { base in value.withElements { _ = base[buffer.part].update(fromContentsOf: $0) } }
  }

  /// Takes over what a pass found for the buffers, in its order. No pass may be open.
  public func apply(_ updates: [BufferUpdate]) {
    if updates.isEmpty { return }
    updateBuffers { base in
      for update in updates {
        update.value.withElements { value in
          for (place, number) in zip(update.buffer.part, value) {
            base[place] += update.share * (number - base[place])
          }
        }
      }
    }
  }

  /// Everything a file of this network holds: parameters, then buffers, by name.
  public var tensors: [(name: String, tensor: Tensor)] {
    parameters.map { ($0.name, self[$0]) } + buffers.map { ($0.name, self[$0]) }
  }
}
