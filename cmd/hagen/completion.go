package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"hagen/cmd/hagen/internal/console"
	"hagen/cmd/hagen/internal/exit"
)

// completions holds a script for each shell. They ask hagen itself for words
// (see complete) and leave file names to the shell.
var completions = map[string]string{
	"bash": `_hagen() {
  local hagen="${COMP_WORDS[0]/#\~/$HOME}" words=() i
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ "${COMP_WORDS[i]}" == "=" ]] || words+=("${COMP_WORDS[i]}")
  done
  local current="${COMP_WORDS[COMP_CWORD]}"
  [[ "$current" == "=" ]] && current=""
  COMPREPLY=($("$hagen" __complete "${words[@]}" "$current" 2>/dev/null))
}
complete -o default -F _hagen hagen
`,
	"zsh": `#compdef hagen
_hagen() {
  local -a answers
  answers=("${(@f)$("${words[1]/#\~/$HOME}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${answers[1]}" ]]; then
    compadd -- "${answers[@]}"
  else
    _files
  fi
}
if [[ "${funcstack[1]}" == _hagen ]]; then _hagen "$@"; else compdef _hagen hagen; fi
`,
	"fish": `function __hagen
    set -l words (commandline -opc)
    set -l hagen (string replace -r '^~' $HOME -- $words[1])
    set -l answers ($hagen __complete $words[2..] (commandline -ct) 2>/dev/null)
    if test (count $answers) -gt 0
        printf '%s\n' $answers
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c hagen -f -a '(__hagen)'
`,
}

// shells are the keys of completions, in the order of messages.
var shells = []string{"bash", "zsh", "fish"}

func completionCommand(ui *console.UI) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: describe("",
			"source <(hagen completion bash)",
			"hagen completion zsh > \"${fpath[1]}/_hagen\"",
			"hagen completion fish > ~/.config/fish/completions/hagen.fish"),
		Action: func(ctx *cli.Context) error {
			if ctx.NArg() != 1 {
				return exit.Usage("name one shell: bash, zsh or fish")
			}
			script, known := completions[ctx.Args().First()]
			if !known {
				return exit.Unknown("completion for shell", ctx.Args().First(), shells)
			}
			fmt.Fprint(ui.Out, script)
			return nil
		},
	}
}
