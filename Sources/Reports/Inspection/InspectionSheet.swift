/// The main charts of runs under one legend, a colour a run: losses beside ln K, what targets tell, spread of features,
/// nearest neighbours, or of runs with labels their accuracies.
public struct InspectionSheet: Sendable {
  /// The charts; nil where no run has a number to draw.
  public let sheet: ChartSheet?

  /// Draws what was read of at least one run.
  public init(_ records: [RunRecord]) {
    precondition(!records.isEmpty, "InspectionSheet: no run")
    let charts = InspectionCharts(records: records, isSheet: true).mainCharts
    let names = records.map(\.name)
    sheet =
      charts.isEmpty
      ? nil
      : ChartSheet(
        "How \(names.joined(separator: ", ")) went",
        keys: names.enumerated().map { ChartSheet.Key($0.element, colour: $0.offset) }, charts: charts)
  }
}
