import EmanateAutograd
import EmanateNetworks
import EmanateObjectives

/// A teacher that is made of an image's label, and needs no network.
struct VirtualTeacherTerm: DistillationTerm {
  private let loss: VirtualTeacherLoss

  init(_ site: TermSite) throws(TermMisfit) {
    try site.needClasses("it makes a teacher of each label")
    let settings = site.configuration.distill.virtual
    loss = VirtualTeacherLoss(
      probability: Float(settings.probability), temperature: Float(settings.temperature))
  }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let logits = batch.logits else {
      preconditionFailure("VirtualTeacherTerm: a student without logits")
    }
    return loss(logits, labels: batch.labels)
  }
}

/// Soft targets of the student's own moving average, which sees the same views.
struct AverageTerm: DistillationTerm {
  private let loss: DistillationLoss

  init(_ site: TermSite) throws(TermMisfit) {
    try site.needClasses("it compares logits")
    let settings = site.configuration.distill
    loss = DistillationLoss(
      temperature: site.temperature, form: settings.form == .kl ? .kl : .crossEntropy,
      scaleByT2: settings.scaleByT2)
  }

  var needsAverage: Bool { true }

  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let logits = batch.logits, let average = batch.average else {
      preconditionFailure("AverageTerm: a student without logits or without a moving average")
    }
    return loss(student: logits, teacher: average)
  }
}

extension TermSite {
  /// The student as refusals call it.
  var student: String {
    let architecture = configuration.network.chosen
    return "the student (\(configuration.network.architecture.rawValue): \(architecture.summary))"
  }

  /// Refuses a student without a classifier.
  func needClasses(_ reason: String) throws(TermMisfit) {
    if classes < 2 { throw TermMisfit(reason: "\(reason), and \(student) has no classifier") }
  }
}
