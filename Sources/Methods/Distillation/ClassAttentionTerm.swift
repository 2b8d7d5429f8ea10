import EmanateAutograd
import EmanateConfiguration
import EmanateNetworks
import EmanateObjectives
import EmanateTensors

/// Attention distillation: what the class tokens of two vision transformers attend to in their last blocks.
struct ClassAttentionTerm: DistillationTerm {
  private let loss: ClassAttentionLoss

  init(_ site: TermSite) throws(TermMisfit) {
    let student = site.configuration.network.chosen
    guard let teacher = site.teacher else { throw TermMisfit(reason: "it needs a teacher") }
    let (ours, theirs) = (
      try Self.layout(student, side: student.side, "the student"),
      try Self.layout(teacher, side: student.side, "the teacher")
    )
    guard ClassAttentionLoss.canCompare(ours, theirs) else {
      throw TermMisfit(
        reason:
          "the student's class token attends to \(ours), the teacher's to \(theirs): each of the student's patches "
          + "must be made of whole patches of the teacher")
    }
    loss = ClassAttentionLoss(student: ours, teacher: theirs)
  }

  /// The tokens that a network makes of images of a side.
  static func layout(
    _ architecture: any Architecture, side: Int, _ whose: String
  ) throws(TermMisfit) -> ClassAttentionLoss.Layout {
    guard let sizes = architecture as? VisionTransformerSizes else {
      throw TermMisfit(
        reason: "\(whose) has no class token that attends to anything: "
          + "\(architecture.metadata["architecture"] ?? "the network") is no vision transformer")
    }
    let places = side / sizes.patch
    return .init(heads: sizes.heads, registers: sizes.registers, rows: places, columns: places)
  }

  /// What is kept of a teacher whose attention is compared, of one image.
  static func shapes(_ teacher: (any Architecture)?, side: Int) -> [LayerListing.Layer] {
    guard let teacher, let layout = try? layout(teacher, side: side, "") else { return [] }
    return [(Pass.classShares, [layout.heads, layout.tokens])]
  }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let (student, teacher) = batch.classShares else {
      preconditionFailure("ClassAttentionTerm: attention that nobody kept")
    }
    return loss(student: student, teacher: teacher)
  }
}
