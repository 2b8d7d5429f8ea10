/// The least number of letters to insert, remove or replace to get from one word to another, case ignored
/// (Levenshtein 1966): how a slip of the pen finds the key that was meant.
package func editDistance(_ one: String, _ other: String) -> Int {
  let (a, b) = (Array(one.lowercased()), Array(other.lowercased()))
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (letter == b[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
