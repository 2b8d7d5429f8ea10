import ArgumentParser
import Foundation

/// A shell's completion script as ArgumentParser makes it, mended where it knows less than the program: that some options
/// take several values, and that more follows behind `key=` and `folder/`.
struct CompletionScript {
  let shell: CompletionShell
  private let original: String

  init(for shell: CompletionShell) {
    self.shell = shell
    original = EmanateCommand.completionScript(for: shell)
  }

  var text: String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    default: original
    }
  }

  /// `pretrain --data`: the command's first word, and an option of it that takes several values.
  static var optionsWithSeveralValues: [String] {
    CommandDump.program().all.flatMap { command in
      command.ownArguments.filter(\.takesSeveral).map {
        "\(command.words.dropFirst().first ?? "") \($0.option)"
      }
    }
  }

  // The one line of the original that tells bash which function to call.
  private static let bashEnd = "complete -o filenames -F _emanate emanate"

  private var bash: String {
    let several = Self.optionsWithSeveralValues.map { "'\($0)'" }.joined(separator: "|")
    return replacing(
      Self.bashEnd,
      by: #"""
        # Gives the function above the command line as the program reads it, and its answers the form that bash awaits. bash
        # cuts words at = and :, where the program has one word. Of an option's several values the last one stays, and
        # `help COMMAND` is taken for `COMMAND`.
        __emanate_complete_line() {
            local IFS=$' \t\n'
            local -a seen=() words=()
            local -i index last=-1
            local lead word rest="${COMP_LINE}" token='' option='' count=0
            for ((index = 0; index <= COMP_CWORD; index++)); do
                lead="${rest%%[![:space:]]*}"
                rest="${rest#"${lead}"}"
                word="${COMP_WORDS[index]}"
                rest="${rest#"${word}"}"
                if ((index == COMP_CWORD)) && [[ "${word}" != [=:]* ]]; then
                    word="${2}"
                fi
                if ((index > 0)) && [[ -z "${lead}" && ("${word}" == [=:]* || "${token}" == *[=:]) ]]; then
                    seen[last]+="${word}"
                else
                    seen+=("${word}")
                    last+=1
                fi
                token="${COMP_WORDS[index]}"
            done
            for ((index = 0; index <= last; index++)); do
                word="${seen[index]}"
                if [[ "${word}" == --*=* ]]; then
                    words+=("${word%%=*}" "${word#*=}")
                    option=''
                    continue
                elif [[ "${word}" == -* ]]; then
                    option="${word}"
                    count=0
                elif [[ -n "${option}" ]]; then
                    case "${words[1]} ${option}" in
                    SEVERAL)
                        if ((count > 0)); then
                            words[${#words[@]} - 1]="${word}"
                            continue
                        fi
                        count=1
                        ;;
                    *) option='' ;;
                    esac
                fi
                words+=("${word}")
            done
            if [[ "${words[1]}" == help ]] && ((${#words[@]} > 2)); then
                words=("${words[0]}" "${words[@]:2}")
            fi

            local typed="${2}" current="${words[${#words[@]} - 1]}" add='' cut=''
            if [[ "${typed}" == *"${current}" ]]; then
                add="${typed%"${current}"}"
            else
                cut="${current%"${typed}"}"
            fi
            local -a COMP_WORDS=("${words[@]}")
            local COMP_CWORD=$((${#words[@]} - 1)) COMP_LINE="${words[*]}"
            local COMP_POINT=${#COMP_LINE}
            COMPREPLY=()
            _emanate "${1}" "${current}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
            local answer opens=''
            for index in "${!COMPREPLY[@]}"; do
                answer="${COMPREPLY[index]}"
                if [[ "${answer}" == *= ]]; then opens=1; fi
                COMPREPLY[index]="${add}${answer#"${cut}"}"
            done
            if [[ -n "${opens}" ]]; then compopt -o nospace +o filenames 2> /dev/null; fi
            return 0
        }

        complete -o filenames -F __emanate_complete_line emanate
        """#.replacingOccurrences(of: "SEVERAL", with: several))
  }

  // The lines of the original that show what is offered.
  private static let zshWhole = #"local -ar non_empty_completions=("${@:#(|:*)}")"#
  private static let zshShow = "_describe -V '' non_empty_completions"

  private var zsh: String {
    var script = replacing(
      Self.zshWhole,
      by: #"""
        # No space behind a folder's / and a key's =, where more is typed.
            local -ar open_completions=("${(M)@:#*[=/]}")
            local -ar non_empty_completions=("${@:#(|:*|*[=/])}")
        """#
    ).replacingOccurrences(
      of: Self.zshShow, with: "_describe -V '' open_completions -S '' -- non_empty_completions")
    // _arguments offers further values up to the next option where a specification says so.
    for command in CommandDump.program().all {
      let function = "\n_\(command.words.joined(separator: "_"))() {\n"
      guard let start = script.range(of: function)?.upperBound,
        let end = script[start...].range(of: "\n}\n")?.lowerBound
      else { continue }
      let lines = script[start..<end].components(separatedBy: "\n").map { line in
        guard let argument = command.ownArguments.first(where: { line.contains("'\($0.option)[") }),
          argument.takesSeveral, let value = argument.valueName, let place = line.range(of: "]:\(value):")
        else { return line }
        return line.replacingCharacters(in: place, with: "]:*-*:\(value):")
      }
      script.replaceSubrange(start..<end, with: lines.joined(separator: "\n"))
    }
    return script
  }

  private func replacing(_ text: String, by other: String) -> String {
    original.replacingOccurrences(of: text, with: other)
  }
}
