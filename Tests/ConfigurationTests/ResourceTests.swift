import EmanateConfiguration
import Testing

@Suite struct ResourceTests {
  private static func refusal(_ name: String, in folder: Resource.Folder) -> String {
    do {
      return "found: \(try Resource.find(name, in: folder).source)"
    } catch {
      return error.description
    }
  }

  @Test
  func `a name that nothing has is refused with the nearest of the program's own, and with what names them`()
  {
    let near = Self.refusal("pretrain/dino-fasion", in: .configs)
    #expect(
      near.contains("pretrain/dino-fasion")
        && near.contains("did you mean the program's own `pretrain/dino-fashion`"))
    #expect(Self.refusal("dinov3", in: .configs).contains("`dinov2`"))
    #expect(Self.refusal("dinno", in: .recipes).contains("`dino`? `emanate list recipes`"))
    let far = Self.refusal("my-own-settings.yaml", in: .configs)
    #expect(
      far.contains("no such file") && !far.contains("did you mean") && far.contains("emanate list configs"))
    #expect(Self.refusal("", in: .configs).contains("no such file"))
  }

  @Test func `an embedded file is found with and without its ending, a preset by its bare name`() {
    #expect(Self.refusal("quickstart.yaml", in: .configs) == "found: configs/quickstart.yaml (embedded)")
    #expect(Self.refusal("byol", in: .configs) == "found: configs/presets/byol.yaml (embedded)")
  }
}
