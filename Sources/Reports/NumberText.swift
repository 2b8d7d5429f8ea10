import Foundation

/// Numbers as reports print them.
enum NumberText {
  /// Six significant digits at most, without trailing zeros; what is all but 1 is shown as 1 less a small
  /// number.
  static func short(_ value: Double, digits: Int = 6) -> String {
    if value.isInfinite { return value < 0 ? "-∞" : "∞" }
    if value < 1 && value > 1 - 5e-7 { return String(format: "1−%.2g", 1 - value) }
    return String(format: "%.\(digits)g", value)
  }

  /// A whole number with commas between the thousands.
  static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// A size: whole with commas from 100 to a billion, three digits otherwise; infinite as ∞.
  static func size(_ value: Double) -> String {
    value >= 100 && value < 1e9 ? grouped(Int(value.rounded())) : short(value, digits: 3)
  }
}
