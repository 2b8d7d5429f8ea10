import EmanateData
import EmanateEvaluation
import EmanateInterchange
import EmanateKernels
import EmanateMethods
import EmanateNetworks
import EmanateOptimization
import EmanateTensors
import Foundation

/// Everything a run needs to go on as if nothing had happened, in a folder that appears whole or not at all.
///
/// `student.safetensors` and the method's other networks under timm's names, `optimizer.safetensors` with
/// its state (AdamW's two moments), `method.safetensors` (centers), and `state.json`. Networks that learn within the
/// student's store have a file each besides (`peer-1.safetensors`), for whoever wants to use one; nothing reads it back.
public struct Checkpoint {
  /// What `state.json` holds.
  public struct State: Codable, Equatable, Sendable {
    /// Steps done; the next one has this number.
    public var step: Int
    /// The key of all randomness, as in the configuration.
    public var seed: Int
    /// A hash of the resolved configuration.
    public var configurationHash: String
    /// A hash of the sorted list of relative paths and sizes (`ImageFolder.contentHash`).
    public var dataHash: String
    /// Images in the data.
    public var images: Int
    /// The kernel set and libraries that computed it; other ones may give other last bits.
    public var kernels: String
    /// The files found unreadable so far.
    public var loader: Loader.State
    /// How many updates each trained parameter has had, by name.
    public var updates: [String: Int]
    /// What the watch over collapse knows; nil without one.
    public var collapse: CollapseWatch.State?
    /// What the images held out have shown; nil where none are.
    public var validation: Validation.State?
  }

  /// Writes the checkpoint of `state.step`, names it in `last`, and removes all but the newest `kept`.
  static func write<M: Method>(
    _ step: TrainingStep<M>, state: State, metadata: [String: String], to run: RunFolder, kept: Int
  ) throws(TrainingError) {
    do throws(FileFailure) {
      let folder = try AtomicFolder(at: run.checkpoint(state.step))
      do throws(SafetensorsError) {
        for (name, store) in [("student", step.method.student)] + step.method.networks {
          try Safetensors.write(
            store.tensors, metadata: metadata,
            to: "\(folder.partialPath)/\(name).safetensors")
        }
        for companion in step.method.companions {
          try Safetensors.write(
            step.method.student.tensors(below: companion.prefix),
            metadata: metadata.filter { $0.key == NetworkReader.classesKey }
              .merging(companion.architecture.metadata) { $1 },
            to: "\(folder.partialPath)/\(companion.name).safetensors")
        }
        let buffers = step.optimizer.state
        let remembered = step.method.student.parameters.filter(\.isTrained).flatMap { parameter in
          buffers.map { ("\($0.name).\(parameter.name)", $0.buffer[of: parameter]) }
        }
        try Safetensors.write(remembered, to: "\(folder.partialPath)/optimizer.safetensors")
        try Safetensors.write(step.method.state, to: "\(folder.partialPath)/method.safetensors")
      } catch { throw FileFailure(path: folder.partialPath, action: "write", reason: error.description) }
      try DurableFile.write(encoded(state), to: "\(folder.partialPath)/state.json")
      try folder.commit(replacing: true)
      try DurableFile.write("step-\(state.step)\n", to: run.last)
      // The best one stays besides.
      let best = state.validation?.best.done
      let older = run.checkpointSteps.filter { $0 < state.step && $0 != best }
      for old in older.dropLast(max(0, kept - 1)) {
        try? FileManager.default.removeItem(atPath: run.checkpoint(old))
      }
    } catch { throw .file(error) }
  }

  /// Reads `state.json` of the checkpoint folder `folder`.
  ///
  /// - Throws: `TrainingError.file` or `.checkpoint` with the file and the reason.
  public static func state(at folder: String) throws(TrainingError) -> State {
    let path = folder + "/state.json"
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch { throw .file(FileFailure(path: path, action: "read", reason: error.localizedDescription)) }
    do {
      return try JSONDecoder().decode(State.self, from: data)
    } catch { throw .checkpoint(path: path, reason: "cannot be read as a checkpoint's state (\(error))") }
  }

  /// Puts networks, the optimizer's and the method's state back.
  static func restore<M: Method>(
    _ step: inout TrainingStep<M>, state: State, from folder: String
  ) throws(TrainingError) {
    do throws(SafetensorsError) {
      for (name, store) in [("student", step.method.student)] + step.method.networks {
        try store.load(Safetensors.read("\(folder)/\(name).safetensors"))
      }
      let student = step.method.student
      let remembered = try Safetensors.read("\(folder)/optimizer.safetensors")
      var buffers: [String: Tensor] = [:]
      for (name, _) in step.optimizer.state {
        var buffer = Tensor(repeating: 0, student.flatShape)
        for parameter in student.parameters where parameter.isTrained {
          buffer.set(
            parameter, to: try remembered.tensor("\(name).\(parameter.name)", shape: parameter.shape))
        }
        buffers[name] = buffer
      }
      var optimizer = step.optimizer
      optimizer.restore(buffers, updates: student.parameters.map { state.updates[$0.name] ?? 0 })
      let saved = try Safetensors.read("\(folder)/method.safetensors")
      var tensors: [String: Tensor] = [:]
      for (name, tensor) in step.method.state { tensors[name] = try saved.tensor(name, shape: tensor.shape) }
      step.restore(tensors, optimizer: optimizer)
    } catch { throw .safetensors(error) }
  }

  private static func encoded(_ state: State) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return ((try? encoder.encode(state)).map { String(decoding: $0, as: UTF8.self) } ?? "{}") + "\n"
  }
}

extension ParameterStore {
  /// The tensors whose names begin with `prefix`, under the rest of their names.
  fileprivate func tensors(below prefix: String) -> [(name: String, tensor: Tensor)] {
    tensors.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) }
  }

  /// Takes every parameter and buffer from a file of the same network.
  func load(_ file: SafetensorsContents) throws(SafetensorsError) {
    for parameter in parameters {
      set(parameter, to: try file.tensor(parameter.name, shape: parameter.shape))
    }
    for buffer in buffers { set(buffer, to: try file.tensor(buffer.name, shape: buffer.shape)) }
  }
}

extension Tensor {
  /// Replaces the part of a flat buffer that belongs to a parameter.
  mutating func set(_ parameter: Parameter, to value: Tensor) {
    withMutableElements { base in
      value.withElements { _ = base[parameter.part].update(fromContentsOf: $0) }
    }
  }
}
