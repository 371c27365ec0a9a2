package diff

import "slices"

// Action is what a change does to a machine.
type Action string

// Actions on a machine that runs, as far as it takes a change in place, from
// the least to the most; and those that are about the whole machine.
const (
	Nothing    Action = "nothing"
	ByItself   Action = "taken up by itself"
	Reload     Action = "reload"
	Restart    Action = "restart"
	Start      Action = "start"
	Stop       Action = "stop"
	Membership Action = "etcd membership" // etcd has to be told, whatever happens to files
	Reimage    Action = "re-image"        // cannot be had in place
	Boot       Action = "boot"            // a new machine
	SwitchOff  Action = "switch off"      // a machine that is gone
)

var actions = []Action{Nothing, ByItself, Reload, Restart, Start, Stop, Membership, Reimage, Boot, SwitchOff}

func (a Action) weight() int { return slices.Index(actions, a) }

// Effect is what a change does, to which unit, and why.
type Effect struct {
	Action Action `json:"action"`
	Unit   string `json:"unit,omitempty"`
	Why    string `json:"why"`
}

// Effects is what all changes together do to Hosts.
type Effects struct {
	Hosts   []string `json:"hosts"`
	Effects []Effect `json:"effects"` // the strongest on each unit
}

// merge keeps the strongest effect on each unit, and beside it that etcd has
// to be told.
func merge(effects []Effect, more ...Effect) []Effect {
	out := slices.Clone(effects)
	for _, e := range more {
		i := slices.IndexFunc(out, func(o Effect) bool {
			return o.Unit == e.Unit && (o.Action == Membership) == (e.Action == Membership)
		})
		switch {
		case i < 0:
			out = append(out, e)
		case e.Action.weight() > out[i].Action.weight():
			out[i] = e
		}
	}
	slices.SortStableFunc(out, func(a, b Effect) int { return b.Action.weight() - a.Action.weight() })
	return out
}

// worthTelling leaves out that nothing happens where something else does.
func worthTelling(effects []Effect) []Effect {
	rest := slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool { return e.Action == Nothing })
	if len(rest) == 0 && len(effects) > 0 {
		return []Effect{{Action: Nothing, Why: effects[0].Why}}
	}
	return rest
}

func sameEffect(a, b Effect) bool { return a.Action == b.Action && a.Unit == b.Unit }
