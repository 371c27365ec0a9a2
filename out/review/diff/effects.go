package diff

import "slices"

// Action is what a change does to a machine.
type Action string

// Actions on units of a running machine, from the weakest to the strongest; then those on
// the whole machine.
const (
	Nothing    Action = "nothing"
	PickUp     Action = "picked up by itself"
	Reload     Action = "reload"
	Restart    Action = "restart"
	Start      Action = "start"
	Stop       Action = "stop"
	Membership Action = "etcd membership" // etcd's members change, beside what happens to files
	Reimage    Action = "re-image"        // the machine cannot take it in place
	Boot       Action = "boot"            // a new machine
	SwitchOff  Action = "switch off"      // a removed machine
)

var actions = []Action{Nothing, PickUp, Reload, Restart, Start, Stop, Membership, Reimage, Boot, SwitchOff}

func (a Action) weight() int { return slices.Index(actions, a) }

// Effect is what a change does, to which unit, and why.
type Effect struct {
	Action Action `json:"action"`
	Unit   string `json:"unit,omitempty"`
	Why    string `json:"why"`
}

// Effects are what all changes together do to Hosts.
type Effects struct {
	Hosts   []string `json:"hosts"`
	Effects []Effect `json:"effects"` // the strongest on each unit
}

// merge keeps the strongest effect on each unit, and beside it a change of etcd's
// membership.
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

// withoutNothing drops effects without an action, unless there is no other.
func withoutNothing(effects []Effect) []Effect {
	rest := slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool { return e.Action == Nothing })
	if len(rest) == 0 && len(effects) > 0 {
		return []Effect{{Action: Nothing, Why: effects[0].Why}}
	}
	return rest
}

func sameEffect(a, b Effect) bool { return a.Action == b.Action && a.Unit == b.Unit }
