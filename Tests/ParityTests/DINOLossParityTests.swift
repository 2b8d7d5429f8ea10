import EmanateAutograd
import EmanateInterchange
import EmanateObjectives
import EmanateTensors
import TestSupport
import Testing

@Suite struct DINOLossParity {
  @Test(arguments: [("0.04", Float(0.04)), ("0.07", Float(0.07))])
  func `loss, gradient and center equal PyTorch's`(name: String, temperature: Float) throws {
    let golden = try Safetensors.read(goldenPath("parity/dino_loss.safetensors"))
    var loss = DINOLoss(prototypes: 32)
    loss.setCenter(hashFilled("loss.center", [1, 32], scale: 0.1))
    let tape = Tape()
    let student = tape.variable(hashFilled("loss.student", [24, 32]))
    let teacher = hashFilled("loss.teacher", [8, 32])
    let value = loss(student: student, teacher: teacher, globalViews: 2, teacherTemperature: temperature)
    tape.backward(from: value)
    loss.updateCenter(teacher: teacher)
    #expect(relativeError(value.value, try golden.tensor("loss.\(name)")) < 1e-5)
    #expect(
      relativeError(try #require(tape.gradient(of: student)), try golden.tensor("gradient.\(name)")) < 1e-5)
    #expect(relativeError(loss.center, try golden.tensor("center")) < 1e-6)
  }
}
