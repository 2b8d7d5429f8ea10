/// A small typeface for labels in pictures: the printable ASCII characters, seven pixels high above the line
/// and two below, each as wide as it is drawn.
enum BitmapFont {
  /// Rows of a character.
  static let height = 9
  /// Empty columns between characters.
  static let spacing = 1

  /// One character: its rows from top to bottom, bit x for column x.
  struct Glyph {
    let width: Int
    let rows: [UInt8]
  }

  /// The character's picture; the question mark's where there is none.
  static func glyph(_ character: Character) -> Glyph {
    let place = character.asciiValue.map { Int($0) - 32 } ?? -1
    return glyphs.indices.contains(place) ? glyphs[place] : glyphs[31]
  }

  /// Pixels from the beginning of `text` to its end.
  static func width(of text: String) -> Int {
    text.isEmpty ? 0 : text.reduce(-spacing) { $0 + glyph($1).width + spacing }
  }

  /// Breaks words that belong together into lines of at most `width` pixels; a word that is wider is cut.
  static func lines(_ words: [String], width: Int, gap: String = "  ") -> [String] {
    var lines: [String] = []
    for word in words {
      var rest = Substring(word)
      if let last = lines.last, Self.width(of: last + gap + rest) <= width {
        lines[lines.count - 1] = last + gap + rest
        continue
      }
      while Self.width(of: String(rest)) > width && rest.count > 1 {
        var head = rest.dropLast()
        while head.count > 1 && Self.width(of: String(head)) > width { head = head.dropLast() }
        lines.append(String(head))
        rest = rest[head.endIndex...]
      }
      lines.append(String(rest))
    }
    return lines
  }

  private static let glyphs: [Glyph] = {
    let lines = art.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.utf8) }
    return (0..<95).map { number in
      let (block, column) = (number / 16 * height, number % 16 * 6)
      let rows = (0..<height).map { row in
        (0..<5).reduce(UInt8(0)) { bits, x in
          let line = lines[block + row]
          let isSet = column + x < line.count && line[column + x] == UInt8(ascii: "#")
          return isSet ? bits | 1 << UInt8(x) : bits
        }
      }
      let columns = rows.reduce(0, |)
      // A space is three columns wide.
      return Glyph(width: columns == 0 ? 3 : 8 - columns.leadingZeroBitCount, rows: rows)
    }
  }()

  // Characters 32 to 126, sixteen in a block, five columns each and one between.
  private static let art = """
          #     # #    # #    #   ##  #  ##   #       #   #                                       #
          #     # #   #####  #### ##  # #  #  #      #     #    # # #   #                         #
          #            # #  # #      #  #  #        #       #    ###    #                        #
          #            # #   ###    #    ##         #       #   ##### #####       ####          #
          #           #####   # #  #    # # #       #       #    ###    #                      #
                       # #  ####  #  ## #  #         #     #    # # #   #    #                #
          #                   #   #  ##  ## #         #   #                  #          #     #
                                                                            #

     ###   #     ###   ###     #  #####   ##  #####  ###   ###                 #        #      ###
    #   # ##    #   # #   #   ##  #      #        # #   # #   #               #          #    #   #
    #  ##  #        #     #  # #  ####  #        #  #   # #   # #      #     #    ####    #       #
    # # #  #       #    ##  #  #      # ####     #   ###   ####             #              #     #
    ##  #  #      #       # #####     # #   #   #   #   #     #              #    ####    #     #
    #   #  #     #    #   #    #  #   # #   #   #   #   #    #                #          #
     ###  ###   #####  ###     #   ###   ###    #    ###   ##   #      #       #        #       #
                                                                       #
                                                                      #
     ###   ###  ####   ###  ####  ##### #####  ###  #   # ###     ### #   # #     #   # #   #  ###
    #   # #   # #   # #   # #   # #     #     #   # #   #  #       #  #  #  #     ## ## ##  # #   #
    # ### #   # #   # #     #   # #     #     #     #   #  #       #  # #   #     # # # ##  # #   #
    # # # ##### ####  #     #   # ####  ####  # ### #####  #       #  ##    #     # # # # # # #   #
    # ##  #   # #   # #     #   # #     #     #   # #   #  #       #  # #   #     #   # #  ## #   #
    #     #   # #   # #   # #   # #     #     #   # #   #  #    #  #  #  #  #     #   # #  ## #   #
     ###  #   # ####   ###  ####  ##### #      #### #   # ###    ##   #   # ##### #   # #   #  ###


    ####   ###  ####   #### ##### #   # #   # #   # #   # #   # ##### ##    #     ##      #
    #   # #   # #   # #       #   #   # #   # #   # #   # #   #     # #     #      #     # #
    #   # #   # #   # #       #   #   # #   # #   #  # #   # #     #  #      #     #    #   #
    ####  #   # ####   ###    #   #   #  # #  # # #   #     #     #   #       #    #
    #     # # # # #       #   #   #   #  # #  # # #  # #    #    #    #        #   #
    #     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #     #         #  #
    #      ## # #   # ####    #    ###    #   #   # #   #   #   ##### ##        # ##
                                                                                              #####

    #           #               #         ##        #     #       #   #     #
     #          #               #        #          #                 #     #
           ###  ####   ###   ####  ###  ####   #### ####  #       #   #  #  #     ## #  ####   ###
              # #   # #     #   # #   #  #    #   # #   # #       #   # #   #     # # # #   # #   #
           #### #   # #     #   # #####  #    #   # #   # #       #   ##    #     # # # #   # #   #
          #   # #   # #     #   # #      #    #   # #   # #       #   # #   #     # # # #   # #   #
           #### ####   ###   ####  ###   #     #### #   # #       #   #  #   #    # # # #   #  ###
                                                  #             # #
                                               ###               #
                             #                                          #   #     #
                             #                                         #    #      #
    ####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####  #    #      #
    #   # #   # ##    #      #    #   # #   # # # #  # #  #   #    #  #     #       #    #  #
    #   # #   # #      ###   #    #   #  # #  # # #   #   #   #   #    #    #      #    # ##
    #   # #   # #         #  #    #   #  # #  # # #  # #  #   #  #     #    #      #
    ####   #### #     ####    ##   ####   #    # #  #   #  #### #####   #   #     #
    #         #                                               #             #
    #         #                                            ###
    """
}
