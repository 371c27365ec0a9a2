package pki

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Rotation returns the last phase of the item's last rotation; nil if it never had one.
func (i Item) Rotation() *Step {
	if len(i.Generations) == 0 {
		return nil
	}
	steps := i.Generations[len(i.Generations)-1].Steps
	if len(steps) == 0 {
		return nil
	}
	last := steps[len(steps)-1]
	return &last
}

// NextPhase returns the phase that follows.
func (i Item) NextPhase() Phase {
	if last := i.Rotation(); last != nil && last.Phase != PhaseRetire {
		return Phases()[slices.Index(Phases(), last.Phase)+1]
	}
	return PhaseTrust
}

// Rotate returns the item in the next phase. In PhaseTrust it makes a key with the present one's
// algorithm; names are those of a new Secret. It fails in any other order.
func (i Item) Rotate(to Phase, names Names, now time.Time, keys KeySource, random io.Reader) (Item, error) {
	name := i.Request.Name
	if i.Request.Kind == Leaf {
		return Item{}, fmt.Errorf("%s: a leaf is renewed, not rotated", name)
	}
	if next := i.NextPhase(); to != next {
		return Item{}, fmt.Errorf("%s: the next phase is %s, not %s", name, next, to)
	}
	now = now.UTC().Truncate(time.Second)
	i = i.counted()
	newest := len(i.Generations) - 1
	switch to {
	case PhaseTrust:
		made, err := i.nextGeneration(names, now, keys, random)
		if err != nil {
			return Item{}, err
		}
		i.Generations = append(i.Generations, made)
		newest++
	case PhaseIssue:
		i.present(newest)
	case PhaseRetire:
		for n, g := range i.Generations {
			if g.State == Former {
				i.Generations[n] = g.retired(i.Request.Kind)
			}
		}
	}
	i.Generations[newest].Steps = append(slices.Clone(i.Generations[newest].Steps), Step{Phase: to, Began: now})
	return i, faultsAsError(Verify(Set{name: i}))
}

// counted returns the item with a list of generations of its own.
func (i Item) counted() Item {
	if len(i.Generations) > 0 {
		i.Generations = slices.Clone(i.Generations)
		return i
	}
	only := i.All()[0]
	only.Cert, only.Key, only.Public = nil, nil, nil
	i.Generations = []Generation{only}
	return i
}

// nextGeneration makes a key like the present one.
func (i Item) nextGeneration(names Names, now time.Time, keys KeySource, random io.Reader) (g Generation, err error) {
	request := i.Request
	item := Item{Request: request}
	if request.Kind == Secret {
		item, err = makeRoot(request, nil, now, random)
	} else if key, failed := newKey(request, keys); failed != nil {
		err = failed
	} else {
		item, err = makeRoot(request, key, now, random)
	}
	if err != nil {
		return g, err
	}
	g = Generation{Number: i.Generations[len(i.Generations)-1].Number + 1, State: Next, Cert: item.Cert, Key: item.Key, Public: item.Public}
	if request.Kind == Secret {
		g.KeyName, g.Provider = names.Key, names.Provider
	}
	g.ID, err = KeyID(item)
	return g, err
}

// present makes a generation the present one, and that the former one.
func (i *Item) present(n int) {
	for m := range i.Generations {
		if g := &i.Generations[m]; g.State == Present {
			g.State, g.Cert, g.Key, g.Public = Former, i.Cert, i.Key, i.Public
		}
	}
	g := &i.Generations[n]
	i.Cert, i.Key, i.Public = g.Cert, g.Key, g.Public
	g.State, g.Cert, g.Key, g.Public = Present, nil, nil, nil
}

// retired returns a former generation that no machine has any more. Only a secret is kept: what was
// encrypted with it may be read again.
func (g Generation) retired(kind Kind) Generation {
	if kind == Secret {
		g.State = Retired
		return g
	}
	return g.removed()
}

func (g Generation) removed() Generation {
	g.State, g.Cert, g.Key, g.Public = Removed, nil, nil, nil
	return g
}

// WithoutRetired returns the item without secrets that were retired before a time, and the numbers of
// their generations.
func (i Item) WithoutRetired(before time.Time) (next Item, removed []int) {
	for n, g := range i.Generations {
		if g.State == Retired && i.retiredAt(n).Before(before) {
			removed = append(removed, g.Number)
		}
	}
	if len(removed) == 0 {
		return i, nil
	}
	i = i.counted()
	for n, g := range i.Generations {
		if slices.Contains(removed, g.Number) {
			i.Generations[n] = g.removed()
		}
	}
	return i, removed
}

// retiredAt returns when the rotation to the generation after this one retired it.
func (i Item) retiredAt(n int) time.Time {
	for _, step := range i.Generations[n+1].Steps {
		if step.Phase == PhaseRetire {
			return step.Began
		}
	}
	return time.Time{}
}

// Rendered returns the item with a note that documents of all machines were written in this phase;
// changed is false if it has one, or is in none.
func (i Item) Rendered(now time.Time) (next Item, changed bool) {
	return i.note(func(s *Step) bool {
		if !s.Rendered.IsZero() {
			return false
		}
		s.Rendered = now.UTC().Truncate(time.Second)
		return true
	})
}

// Delivered returns the item with a note that all machines have those documents, and who said so.
func (i Item) Delivered(now time.Time, by string) Item {
	i, _ = i.note(func(s *Step) bool {
		s.Delivered, s.By = now.UTC().Truncate(time.Second), by
		return true
	})
	return i
}

// note changes the last phase of a copy of the item.
func (i Item) note(change func(*Step) bool) (Item, bool) {
	last := i.Rotation()
	if last == nil || !change(last) {
		return i, false
	}
	i = i.counted()
	g := &i.Generations[len(i.Generations)-1]
	g.Steps = append(slices.Clone(g.Steps[:len(g.Steps)-1]), *last)
	return i, true
}
