package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// The scripts ask hagen itself for words: cli/v2 answers when the last
// argument is --generate-bash-completion.
const bashCompletion = `_hagen() {
  local current="${COMP_WORDS[COMP_CWORD]}" words
  words=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ "$current" == -* ]] && words+=("$current")
  COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$current"))
  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$current"))
  return 0
}
complete -F _hagen hagen
`

const zshCompletion = `#compdef hagen
_hagen() {
  local -a words_so_far answers
  words_so_far=("${(@)words[1,CURRENT-1]}")
  [[ "${words[CURRENT]}" == -* ]] && words_so_far+=("${words[CURRENT]}")
  answers=("${(@f)$("${words_so_far[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "${answers[1]}" ]]; then
    compadd -- "${answers[@]}"
  else
    _files
  fi
}
if [[ "${funcstack[1]}" == _hagen ]]; then _hagen "$@"; else compdef _hagen hagen; fi
`

var shells = []string{"bash", "zsh", "fish"}

func completionCommand(ui *ui) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a script that completes hagen's words in a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: "   source <(hagen completion bash)\n" +
			"   hagen completion zsh > \"${fpath[1]}/_hagen\"\n" +
			"   hagen completion fish > ~/.config/fish/completions/hagen.fish",
		BashComplete: func(*cli.Context) {
			for _, s := range shells {
				fmt.Fprintln(ui.out, s)
			}
		},
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 1 {
				return usage("name one shell: bash, zsh or fish")
			}
			script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion}
			switch shell := ctx.Args().First(); shell {
			case "bash", "zsh":
				fmt.Fprint(ui.out, script[shell])
			case "fish":
				text, err := ctx.App.ToFishCompletion()
				if err != nil {
					return failed("the script could not be made: %w", err)
				}
				fmt.Fprint(ui.out, text)
			default:
				return unknown("completion for shell", shell, shells)
			}
			return nil
		},
	}
}
