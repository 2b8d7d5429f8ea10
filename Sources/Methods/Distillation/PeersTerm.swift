import EmanateAutograd
import EmanateConfiguration
import EmanateNetworks
import EmanateObjectives
import EmanateTensors

/// Deep mutual learning (Zhang et al. 2018, arXiv:1706.00384): students that begin apart, see the same views, and learn
/// from labels and from one another, each from the mean divergence to all others.
///
/// All move at once, each by the others' outputs of the same step: one pass over each network a step. The paper's
/// algorithm 1 takes them in turn and computes the others anew after each move; how far a network moves in a step is
/// little beside what it differs from the others.
struct PeersTerm: DistillationTerm {
  private let peers: [Peer]
  private let loss: MutualLearningLoss
  private let labelsLoss: SmoothedCrossEntropy
  let companions: [Companion]

  private struct Peer {
    let backbone: any Backbone
    let layer: Linear
    let input: TeacherInput
  }

  /// Every peer asks the site's scope for its parameters; another name there means other first weights.
  init(_ site: TermSite) throws(TermMisfit) {
    try site.needClasses("its students compare logits")
    let (network, settings) = (site.configuration.network, site.configuration.distill.peers)
    if settings.networks.isEmpty {
      throw TermMisfit(
        reason:
          "`distill.peers.networks` is empty, so \(site.student) would learn alone; two students or more "
          + "teach one another: [\(PeerSettings.same)]")
    }
    var (peers, companions): ([Peer], [Companion]) = ([], [])
    for (number, name) in settings.networks.enumerated() {
      guard let other = network.peer(name) else {
        throw TermMisfit(reason: "there is no architecture `\(name)`")
      }
      if network.side % other.imagePatch != 0 {
        throw TermMisfit(
          reason:
            "\(site.student) takes images of side \(network.side) (`network.side`), which the patches of "
            + "its peer \(name) do not fill: \(other.imagePatch)")
      }
      let scope = site.scope.scope("\(number + 1)")
      let backbone = other.chosen.backbone(scope)
      peers.append(
        Peer(
          backbone: backbone,
          layer: Linear(scope.scope(Classifier.name), from: backbone.width, to: site.classes),
          input: TeacherInput(
            from: .imageNet, patch: network.imagePatch, to: .imageNet, patch: other.imagePatch)))
      companions.append(
        Companion(
          name: "peer-\(number + 1)", architecture: other.chosen, prefix: "connector.peers.\(number + 1)."))
    }
    (self.peers, self.companions, labelsLoss) = (peers, companions, site.labelsLoss)
    loss = MutualLearningLoss(temperature: Float(settings.temperature))
  }

  /// The students' divergences from one another, and the labels' loss of all but the first, which has it already.
  func callAsFunction(_ batch: DistillationBatch, _ pass: Pass) -> Variable {
    guard let own = batch.logits else { preconditionFailure("PeersTerm: a student without logits") }
    // Their layers have the student's names.
    let kept = pass.keeps
    pass.keeps = .none
    defer { pass.keeps = kept }
    let logits =
      [own]
      + peers.map { peer in
        peer.layer(peer.backbone.features(peer.input(batch.images), first: 0, pass), pass)
      }
    var losses: [Variable] = []
    for (place, student) in logits.enumerated() {
      let others = logits.indices.filter { $0 != place }.map { logits[$0].value }
      losses.append(loss(student: student, others: others))
      if place > 0 { losses.append(labelsLoss(student, labels: batch.labels)) }
    }
    return losses.dropFirst().reduce(losses[0]) { add($0, $1) }
  }
}
